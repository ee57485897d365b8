package recount.bench;

import java.util.concurrent.atomic.AtomicLong;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.KeyValue;
import org.apache.kafka.streams.StoreQueryParameters;
import org.apache.kafka.streams.processor.StateRestoreListener;
import org.apache.kafka.streams.state.KeyValueIterator;
import org.apache.kafka.streams.state.QueryableStoreTypes;
import org.apache.kafka.streams.state.ReadOnlyKeyValueStore;

/**
 * Tells how long stores took to be restored, from the first partition's beginning to the last one's end, and then what is
 * in them: {@code restored RECORDS MILLIS ACCOUNTS BALANCES VERSIONS}. Nothing is told when there was nothing to restore.
 */
final class Restores implements StateRestoreListener, KafkaStreams.StateListener {
  private static final double NANOS_PER_MILLI = 1e6;

  private final KafkaStreams streams;
  private final AtomicLong records = new AtomicLong();
  private final AtomicLong began = new AtomicLong();
  private final AtomicLong ended = new AtomicLong();

  Restores(KafkaStreams streams) {
    this.streams = streams;
  }

  @Override
  public void onRestoreStart(TopicPartition partition, String store, long from, long to) {
    began.compareAndSet(0, System.nanoTime());
  }

  @Override
  public void onBatchRestored(TopicPartition partition, String store, long offset, long restored) {}

  @Override
  public void onRestoreEnd(TopicPartition partition, String store, long restored) {
    records.addAndGet(restored);
    ended.accumulateAndGet(System.nanoTime(), Math::max);
  }

  @Override
  public void onChange(KafkaStreams.State now, KafkaStreams.State before) {
    if (now == KafkaStreams.State.RUNNING && records.get() > 0) {
      new Thread(this::tell).start(); // the listener must return at once
    }
  }

  private void tell() {
    long accounts = 0;
    long balances = 0;
    long versions = 0;
    Account account = new Account();
    ReadOnlyKeyValueStore<byte[], byte[]> store = streams.store(
        StoreQueryParameters.fromNameAndType(AccountProcessor.STORE, QueryableStoreTypes.keyValueStore()));
    try (KeyValueIterator<byte[], byte[]> all = store.all()) {
      while (all.hasNext()) {
        KeyValue<byte[], byte[]> next = all.next();
        account.load(next.value);
        accounts++;
        balances += account.balance;
        versions += account.version;
      }
    }
    System.out.printf("restored %d %.0f %d %d %d%n",
        records.get(), (ended.get() - began.get()) / NANOS_PER_MILLI, accounts, balances, versions);
  }
}
