/// Turns pushed samples and log entries, which come in no order, into rows over tables that hardly change.
enum LooseTables {}
