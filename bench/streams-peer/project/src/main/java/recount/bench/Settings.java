package recount.bench;

import java.io.IOException;
import java.io.Reader;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Properties;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.StreamsConfig;

/** What the program is told, in a file of properties. Those that begin with "streams." are Kafka Streams' own. */
final class Settings {
  private static final String STREAMS_PREFIX = "streams.";

  private final Properties all = new Properties();

  Settings(Path file) throws IOException {
    try (Reader in = Files.newBufferedReader(file)) {
      all.load(in);
    }
  }

  String input() {
    return required(all, "input");
  }

  String output() {
    return required(all, "output");
  }

  SchemaIds schemaIds() {
    return SchemaIds.from(all);
  }

  Properties streams() {
    Properties out = new Properties();
    out.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG, StreamsConfig.EXACTLY_ONCE_V2);
    out.put(StreamsConfig.DEFAULT_KEY_SERDE_CLASS_CONFIG, Serdes.ByteArraySerde.class);
    out.put(StreamsConfig.DEFAULT_VALUE_SERDE_CLASS_CONFIG, Serdes.ByteArraySerde.class);
    for (String name : all.stringPropertyNames()) {
      if (name.startsWith(STREAMS_PREFIX)) {
        out.put(name.substring(STREAMS_PREFIX.length()), all.getProperty(name));
      }
    }
    return out;
  }

  static String required(Properties p, String name) {
    String value = p.getProperty(name);
    if (value == null) {
      throw new IllegalArgumentException("the property " + name + " is missing");
    }
    return value;
  }
}
