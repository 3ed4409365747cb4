import Glibc
import Recorder

/// A program that tests start, watch and kill. The first argument says what it does.
@main struct WALChild {
  static func main() async {
    let arguments = CommandLine.arguments
    do {
      switch arguments.dropFirst().first {
      case "lmdb": try plainLMDB(Array(arguments.dropFirst(2)))
      case "walk": try walkIgnoringChildren(Array(arguments.dropFirst(2)))
      case "write": try await writeLog(Array(arguments.dropFirst(2)))
      case "receive": try await receiveBlocks(Array(arguments.dropFirst(2)))
      case "check": try await checkLogs(Array(arguments.dropFirst(2)))
      default:
        say(
          "usage: wal-child lmdb <file> <seed> <transactions> sync|nosync | write <log> … | receive <log> … | check <log> …"
        )
        exit(64)
      }
    } catch {
      say("error \(error)")
      exit(1)
    }
  }
}

/// One line on standard output, in one write, so that a reader sees it whole or not at all.
func say(_ line: String) {
  let bytes = Array((line + "\n").utf8)
  _ = bytes.withUnsafeBytes { write(1, $0.baseAddress, $0.count) }
}

/// The same, and in the trace of writes, in order with them.
func sayAndMark(_ line: String) {
  let bytes = Array(line.utf8)
  bytes.withUnsafeBytes { clm_record_mark($0.baseAddress, $0.count) }
  say(line)
}

struct Usage: Error {}
