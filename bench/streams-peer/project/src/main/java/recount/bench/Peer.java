package recount.bench;

import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.LongAdder;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.common.Uuid;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.CloseOptions;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.errors.StreamsUncaughtExceptionHandler.StreamThreadExceptionResponse;
import org.apache.kafka.streams.state.Stores;

/** Runs the topology commands → accounts → events until it is told to stop. */
public final class Peer {
  private static final Duration CLOSE_TIMEOUT = Duration.ofSeconds(20);

  private Peer() {}

  /**
   * Runs.
   *
   * @param args the file of settings
   * @throws Exception if it cannot start
   */
  public static void main(String[] args) throws Exception {
    Settings settings = new Settings(Path.of(args[0]));
    LongAdder refused = new LongAdder();
    CountDownLatch broken = new CountDownLatch(1);
    KafkaStreams streams = new KafkaStreams(topology(settings, refused), settings.streams());
    streams.setUncaughtExceptionHandler(e -> {
      e.printStackTrace();
      broken.countDown();
      return StreamThreadExceptionResponse.SHUTDOWN_CLIENT;
    });
    Runtime.getRuntime().addShutdownHook(new Thread(() -> {
      streams.close(CloseOptions.groupMembershipOperation(CloseOptions.GroupMembershipOperation.LEAVE_GROUP).withTimeout(CLOSE_TIMEOUT));
      System.err.println("refused " + refused.sum());
    }));
    Restores restores = new Restores(streams);
    streams.setGlobalStateRestoreListener(restores);
    streams.setStateListener(restores);
    streams.start();
    broken.await();
    System.exit(1);
  }

  private static Topology topology(Settings settings, LongAdder refused) throws Exception {
    SchemaIds ids = settings.schemaIds();
    byte[] incarnation = incarnation(settings);
    Placement placement = new Placement();
    Topology t = new Topology();
    t.addSource("commands", settings.input());
    t.addProcessor("accounts", () -> new AccountProcessor(
        new Command(ids), new EventWriter(ids, settings.input(), incarnation), placement, refused), "commands");
    t.addStateStore(Stores.keyValueStoreBuilder(
            Stores.persistentKeyValueStore(AccountProcessor.STORE), Serdes.ByteArray(), Serdes.ByteArray())
        .withLoggingEnabled(Map.of()).withCachingEnabled(), "accounts");
    t.addSink("events", settings.output(), placement, "accounts");
    return t;
  }

  /** The ID of the input topic, which events carry as part of their source. */
  private static byte[] incarnation(Settings settings) throws Exception {
    Properties p = new Properties();
    p.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, settings.streams().get(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG));
    try (Admin admin = Admin.create(p)) {
      Uuid id = admin.describeTopics(List.of(settings.input())).allTopicNames().get().get(settings.input()).topicId();
      return ByteBuffer.allocate(2 * Long.BYTES)
          .putLong(id.getMostSignificantBits()).putLong(id.getLeastSignificantBits()).array();
    }
  }
}
