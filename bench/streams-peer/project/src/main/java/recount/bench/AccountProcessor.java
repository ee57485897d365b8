package recount.bench;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.concurrent.atomic.LongAdder;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.processor.api.RecordMetadata;
import org.apache.kafka.streams.state.KeyValueStore;

/** Decides the commands of one partition: state out of the store, event out, state back. A refusal is counted, no more. */
final class AccountProcessor implements Processor<byte[], byte[], byte[], byte[]> {
  static final String STORE = "accounts";

  private final Command command;
  private final EventWriter events;
  private final Placement placement;
  private final LongAdder refused;
  private final Account account = new Account();
  private ProcessorContext<byte[], byte[]> context;
  private KeyValueStore<byte[], byte[]> store;

  AccountProcessor(Command command, EventWriter events, Placement placement, LongAdder refused) {
    this.command = command;
    this.events = events;
    this.placement = placement;
    this.refused = refused;
  }

  @Override
  public void init(ProcessorContext<byte[], byte[]> context) {
    this.context = context;
    this.store = context.getStateStore(STORE);
  }

  @Override
  public void process(Record<byte[], byte[]> record) {
    RecordMetadata place = context.recordMetadata().orElseThrow();
    try {
      command.read(record.value());
      account.load(store.get(record.key()));
      if (!account.accept(command)) {
        refused.increment();
        return;
      }
      store.put(record.key(), account.store());
      byte[] event = events.write(command, account, place.partition(), place.offset(), context.currentSystemTimeMs());
      placement.next(place.partition());
      context.forward(record.withKey(EventWriter.key(record.key(), account.version)).withValue(event));
    } catch (IOException e) {
      throw new UncheckedIOException(place.topic() + "/" + place.partition() + "@" + place.offset(), e);
    }
  }
}
