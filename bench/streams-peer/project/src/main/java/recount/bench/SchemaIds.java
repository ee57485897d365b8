package recount.bench;

import java.util.Properties;

/** The IDs that frames of our schemas begin with. Whoever started this program knows them. */
record SchemaIds(int open, int deposit, int withdraw, int opened, int deposited, int withdrawn) {
  static SchemaIds from(Properties p) {
    return new SchemaIds(
        id(p, "bank.account.open"), id(p, "bank.account.deposit"), id(p, "bank.account.withdraw"),
        id(p, "AccountOpened"), id(p, "FundsDeposited"), id(p, "FundsWithdrawn"));
  }

  private static int id(Properties p, String name) {
    return Integer.parseInt(Settings.required(p, "schema." + name));
  }

  Command.Kind commandOf(int id) {
    if (id == deposit) {
      return Command.Kind.DEPOSIT;
    }
    if (id == withdraw) {
      return Command.Kind.WITHDRAW;
    }
    if (id == open) {
      return Command.Kind.OPEN;
    }
    throw new IllegalArgumentException("schema ID " + id + " is of no command that this program knows");
  }

  int eventAfter(Command.Kind kind) {
    return switch (kind) {
      case OPEN -> opened;
      case DEPOSIT -> deposited;
      case WITHDRAW -> withdrawn;
    };
  }
}
