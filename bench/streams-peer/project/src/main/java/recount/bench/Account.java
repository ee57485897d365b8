package recount.bench;

import java.nio.ByteBuffer;
import org.apache.avro.util.Utf8;

/** The state of one account, with the rules of Recount's bank, and as it is kept in the store. */
final class Account {
  private static final byte NONE = 0;
  private static final byte OPEN = 1;
  private static final byte FROZEN = 2;
  private static final byte CLOSED = 3;
  private static final int FIXED_BYTES = 1 + 3 * Long.BYTES + 2 * Integer.BYTES;
  private static final Utf8[] STATUS = {new Utf8(""), new Utf8("open"), new Utf8("frozen"), new Utf8("closed")};

  private byte status;
  long balance;
  long version;
  long overdraftLimit;
  final Utf8 currency = new Utf8();
  final Utf8 customerId = new Utf8();

  /** Takes what the store holds; null for an account that nobody has opened. */
  void load(byte[] stored) {
    if (stored == null) {
      status = NONE;
      balance = version = overdraftLimit = 0;
      currency.setByteLength(0);
      customerId.setByteLength(0);
      return;
    }
    ByteBuffer in = ByteBuffer.wrap(stored);
    status = in.get();
    balance = in.getLong();
    version = in.getLong();
    overdraftLimit = in.getLong();
    take(in, currency);
    take(in, customerId);
  }

  byte[] store() {
    byte[] out = new byte[FIXED_BYTES + currency.getByteLength() + customerId.getByteLength()];
    ByteBuffer to = ByteBuffer.wrap(out).put(status).putLong(balance).putLong(version).putLong(overdraftLimit);
    put(to, currency);
    put(to, customerId);
    return out;
  }

  private static void take(ByteBuffer in, Utf8 into) {
    int length = in.getInt();
    into.setByteLength(length);
    in.get(into.getBytes(), 0, length);
  }

  private static void put(ByteBuffer to, Utf8 text) {
    to.putInt(text.getByteLength()).put(text.getBytes(), 0, text.getByteLength());
  }

  /** Copies the bytes: Utf8.set would share them with a command that is read anew. */
  private static void copy(Utf8 from, Utf8 into) {
    into.setByteLength(from.getByteLength());
    System.arraycopy(from.getBytes(), 0, into.getBytes(), 0, from.getByteLength());
  }

  /** Decides the command and takes over what follows from it. False is a refusal, which leaves the account as it is. */
  boolean accept(Command c) {
    if (c.expectsVersion && c.expectedVersion != version) {
      return false;
    }
    boolean accepted = switch (c.kind) {
      case OPEN -> open(c);
      case DEPOSIT -> deposit(c);
      case WITHDRAW -> withdraw(c);
    };
    if (accepted) {
      version++;
    }
    return accepted;
  }

  private boolean open(Command c) {
    if (status != NONE || c.customerId.getByteLength() == 0 || !isCurrency(c.currency) || c.overdraftLimit < 0) {
      return false;
    }
    status = OPEN;
    overdraftLimit = c.overdraftLimit;
    copy(c.customerId, customerId);
    copy(c.currency, currency);
    return true;
  }

  private boolean deposit(Command c) {
    if (status != OPEN && status != FROZEN || c.amount <= 0 || !c.currency.equals(currency)
        || balance > Long.MAX_VALUE - c.amount) {
      return false;
    }
    balance += c.amount;
    return true;
  }

  private boolean withdraw(Command c) {
    if (status != OPEN || c.amount <= 0 || !c.currency.equals(currency) || c.amount - overdraftLimit > balance) {
      return false;
    }
    balance -= c.amount;
    return true;
  }

  private static boolean isCurrency(Utf8 code) {
    if (code.getByteLength() != 3) {
      return false;
    }
    for (int i = 0; i < 3; i++) {
      if (code.getBytes()[i] < 'A' || code.getBytes()[i] > 'Z') {
        return false;
      }
    }
    return true;
  }

  Utf8 status() {
    return STATUS[status];
  }
}
