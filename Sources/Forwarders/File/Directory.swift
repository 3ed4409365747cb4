/// A directory as the file forwarder uses it: the port through which it touches the disk, so that tests can end the world after any step.
///
/// Every call is one step that a crash can precede or follow. Names are those of entries of the one directory.
protocol Directory: Sendable {
  /// An open file, for appending.
  associatedtype File: Sendable

  func names() throws(DirectoryError) -> [String]
  /// Nil when there is no such entry.
  func size(_ name: String) throws(DirectoryError) -> Int?
  /// At most `limitBytes` of the entry; nil when there is none.
  func read(_ name: String, limitBytes: Int) throws(DirectoryError) -> [UInt8]?

  /// Fails when the entry is there already.
  func create(_ name: String) throws(DirectoryError) -> File
  func open(_ name: String) throws(DirectoryError) -> File
  func append(_ bytes: [UInt8], to file: File) throws(DirectoryError)
  func truncate(_ file: File, to length: Int) throws(DirectoryError)
  /// Returns when content and length are durable.
  func sync(_ file: File) throws(DirectoryError)
  func close(_ file: File)

  /// Replaces what has the new name.
  func rename(_ name: String, to new: String) throws(DirectoryError)
  func remove(_ name: String) throws(DirectoryError)
  /// Returns when creations, renames and removals are durable.
  func sync() throws(DirectoryError)
}

/// What the system refused, for example `write to clymene-….ndjson.part: No space left on device`.
struct DirectoryError: Error, Equatable, CustomStringConvertible {
  /// As in errno.h.
  let code: Int32
  let description: String
}
