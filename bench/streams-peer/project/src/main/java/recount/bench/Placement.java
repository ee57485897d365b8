package recount.bench;

import java.util.Optional;
import java.util.Set;
import org.apache.kafka.streams.processor.StreamPartitioner;

/**
 * Puts an event into the partition its command came from, whatever its own key. The partition is not passed to a
 * partitioner; as forwarding calls it on the same thread, it can be left here.
 */
final class Placement implements StreamPartitioner<byte[], byte[]> {
  private final ThreadLocal<Optional<Set<Integer>>> next = new ThreadLocal<>();

  void next(int partition) {
    Optional<Set<Integer>> last = next.get();
    if (last == null || !last.orElseThrow().contains(partition)) {
      next.set(Optional.of(Set.of(partition)));
    }
  }

  @Override
  public Optional<Set<Integer>> partitions(String topic, byte[] key, byte[] value, int partitions) {
    return next.get();
  }
}
