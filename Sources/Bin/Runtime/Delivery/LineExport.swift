import Codec
import Forwarders
import Foundation
import Model

/// Writes blocks as lines of JSON into a folder: a file forwarder without a log and a lane, for `clymene wal export`.
public struct LineExport: Sendable {
  /// A delivery that could not be written.
  public struct Failure: Error, CustomStringConvertible {
    public var description: String
  }

  private let forwarder: FileForwarder
  private let folder: String

  /// Throws when there is no memory.
  public init(folder: String) throws {
    var configuration = FileForwarderConfiguration(path: folder)
    // One export is one file, however large and slow.
    configuration.rotateBytes = .max
    configuration.rotateAfter = .seconds(1 << 40)
    forwarder = try FileForwarder(configuration)
    self.folder = folder
  }

  /// Returns when the blocks are written; throws when they cannot be, without trying again.
  public func write(_ delivery: Delivery) async throws(Failure) {
    switch await forwarder.deliver(delivery).outcome {
    case .delivered, .alreadyThere: return
    case .retry(let reason, _), .tooLarge(let reason), .misconfigured(let reason), .refused(let reason),
      .conflict(let reason):
      throw Failure(description: reason)
    }
  }

  /// Finishes the file: nothing will go on where it ends, as a forwarder would.
  public func close() async throws {
    await forwarder.close()
    let files = FileManager.default
    for name in try files.contentsOfDirectory(atPath: folder) {
      if name.hasSuffix(".part") {
        try files.moveItem(atPath: "\(folder)/\(name)", toPath: "\(folder)/\(name.dropLast(5))")
      } else if name == ".clymene-file-state" {
        try files.removeItem(atPath: "\(folder)/\(name)")
      }
    }
  }
}
