package recount.bench;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import org.apache.avro.io.BinaryEncoder;
import org.apache.avro.io.EncoderFactory;
import org.apache.avro.util.Utf8;

/**
 * Writes the event that an accepted command leaves, field by field into memory that is used again. It is as large as
 * Recount's and can be read as such, with three differences: the chain is zero, the event's ID is the command's place and
 * no hash of its identity, and the hash over the command is a constant of the usual length.
 */
final class EventWriter {
  private static final byte[] NO_CHAIN = new byte[32];
  private static final long NO_HASH = Long.MIN_VALUE;
  private static final byte[] KEY_PREFIX = "account/".getBytes(StandardCharsets.US_ASCII);

  private final SchemaIds ids;
  private final Utf8 topic;
  private final byte[] incarnation;
  private final ByteArrayOutputStream out = new ByteArrayOutputStream(512);
  private final ByteBuffer header = ByteBuffer.allocate(Command.HEADER_BYTES);
  private final ByteBuffer eventId = ByteBuffer.allocate(2 * Long.BYTES);
  private BinaryEncoder to;
  private long lastRecordedAt;

  EventWriter(SchemaIds ids, String topic, byte[] incarnation) {
    this.ids = ids;
    this.topic = new Utf8(topic);
    this.incarnation = incarnation;
  }

  /** The key under which Recount keeps an event: account/ID/version. */
  static byte[] key(byte[] aggregateId, long version) {
    byte[] digits = Long.toString(version).getBytes(StandardCharsets.US_ASCII);
    return ByteBuffer.allocate(KEY_PREFIX.length + aggregateId.length + 1 + digits.length)
        .put(KEY_PREFIX).put(aggregateId).put((byte) '/').put(digits).array();
  }

  byte[] write(Command c, Account after, int partition, long offset, long nowMillis) throws IOException {
    lastRecordedAt = Math.max(lastRecordedAt, nowMillis);
    out.reset();
    out.write(header.putInt(1, ids.eventAfter(c.kind)).array());
    to = EncoderFactory.get().directBinaryEncoder(out, to);
    writeMeta(c, after, partition, offset);
    if (c.kind == Command.Kind.OPEN) {
      to.writeString(c.customerId);
      to.writeString(c.currency);
      to.writeLong(c.overdraftLimit);
    } else {
      to.writeString(after.customerId);
      to.writeLong(c.amount);
      to.writeString(c.currency);
      to.writeString(c.reference);
      to.writeLong(after.balance);
      to.writeString(after.status());
      to.writeString(c.channel);
    }
    to.flush();
    return out.toByteArray();
  }

  private void writeMeta(Command c, Account after, int partition, long offset) throws IOException {
    to.writeFixed(NO_CHAIN);
    to.writeFixed(eventId.putLong(0, partition).putLong(Long.BYTES, offset).array());
    to.writeString(c.aggregateId);
    to.writeLong(after.version);
    to.writeString(c.commandId);
    to.writeString(orElse(c.correlationId, c.commandId));
    to.writeString(orElse(c.causationId, c.commandId));
    to.writeString(c.actor);
    to.writeString(topic);
    to.writeFixed(incarnation);
    to.writeInt(partition);
    to.writeLong(offset);
    to.writeLong(NO_HASH);
    to.writeLong(c.tellsValidAt ? c.validAt : lastRecordedAt);
    to.writeLong(lastRecordedAt);
  }

  private static Utf8 orElse(Utf8 text, Utf8 otherwise) {
    return text.getByteLength() > 0 ? text : otherwise;
  }
}
