import Codec
import Glibc

// Dead letters as another process sees and marks them. A mark is a rename, which works whether or not the log is open.
extension LogInspector {
  private var deadLetterFolder: DeadLetterFolder {
    DeadLetterFolder(directory: LogConfiguration(directory: directory).deadLettersDirectory)
  }

  /// All letters, oldest first; damaged ones with their problem.
  public func deadLetters() throws(LogError) -> [DeadLetters.Item] { try deadLetterFolder.items() }

  func deadLetterCount() throws(LogError) -> Int { try deadLetterFolder.letters().count }

  /// The whole letter, every checksum verified; `.damaged` when it is not what was written.
  public func deadLetter(_ item: DeadLetters.Item) throws(LogError) -> DeadLetter {
    guard let letter = try deadLetterFolder.read(item.name) else { throw gone(item) }
    return letter
  }

  /// Asks for a letter to be sent again, by its own consumer or by another one; durable when it returns. A running lane takes it within
  /// seconds, one that starts later at its start.
  public func redrive(_ item: DeadLetters.Item, to consumer: String? = nil) throws(LogError) {
    if let problem = item.problem { throw LogError(.damaged, "dead-letters/\(item.file): \(problem)") }
    let name =
      consumer.map { DeadLetterName(number: item.number, consumer: $0, state: .redrive) } ?? item.name.with(.redrive)
    guard name != item.name else { return }
    guard try deadLetterFolder.rename(item.name, to: name) else { throw gone(item) }
  }

  /// Deletes a letter; durable when it returns.
  public func discard(_ item: DeadLetters.Item) throws(LogError) {
    guard try !deadLetterFolder.remove([item.name]).isEmpty else { throw gone(item) }
  }

  private func gone(_ item: DeadLetters.Item) -> LogError {
    LogError(.misuse, "dead letter \(item.number) has been marked, delivered or removed meanwhile: list them again")
  }

  /// Reads every letter whole and decodes its blocks with their tables.
  func verifyDeadLetters(_ opener: borrowing BlockOpener, into report: inout VerifyReport) throws(LogError) {
    for item in try deadLetters() {
      report.deadLetters += 1
      report.bytes += item.bytes
      let file = "dead-letters/\(item.file)"
      let read: DeadLetter?
      do throws(LogError) { read = try deadLetterFolder.read(item.name) } catch {
        guard error.kind == .damaged else { throw error }
        report.problems.append(VerifyProblem(file: file, what: item.problem ?? error.what))
        continue
      }
      // One that went meanwhile was delivered, or somebody removed it.
      guard let letter = read else { continue }
      do throws(FormatError) {
        for tabled in letter.tabled { _ = try opener.open(tabled.block).resolve(tabled.tables) }
      } catch {
        report.problems.append(VerifyProblem(file: file, what: error.description))
      }
    }
  }
}
