import CTreeWalk
import Glibc

/// Whether an LMDB file can be opened without danger. LMDB has no checksums and can crash, or run for ever, on a broken tree,
/// so the file is walked in a child process first: by our own checks of its structure, then by LMDB itself.
///
/// Sound means that every page of every tree, the free list's among them, was read and agrees with the others. It does not mean
/// that every byte of a value is right: blocks and tables carry their own checksums.
public enum TreeWalk {
  public enum Verdict: Sendable, Equatable {
    case sound(Findings)
    case broken(Reason)
  }

  public struct Findings: Sendable, Equatable {
    /// The newest transaction in the file.
    public let transaction: UInt64
    /// Pages of the trees.
    public let usedPages: UInt64
    /// Pages that are neither used nor free; harmless.
    public let lostPages: UInt64
    /// Entries of the named databases, added up.
    public let entries: UInt64
  }

  public enum Reason: Sendable, Equatable, CustomStringConvertible {
    /// A page contradicts the file, its parent or another page. `page` is nil where none is at fault.
    case structure(page: UInt64?, String)
    /// LMDB's error number and text.
    case lmdb(code: Int32, String)
    /// LMDB died of it; 0 when somebody else in the process reaped the child.
    case signal(Int32)

    public var description: String {
      switch self {
      case .structure(let page, let text): page.map { "page \($0): \(text)" } ?? text
      case .lmdb(let code, let text): "\(text) (\(code))"
      case .signal(let number): "reading it ended with signal \(number)"
      }
    }
  }

  /// What a segment that a slow card reads at 2 MB/s needs, with room to spare.
  public static let limitSeconds = 120

  /// Walks the file. Nobody may write it meanwhile. Blocks the calling thread until the child has ended: about as long as
  /// reading the file takes, at most `limitSeconds`. Throws when the check could not be made, which says nothing about the file; so
  /// does one that takes too long, since a tree in which LMDB would go round for ever has been found out before LMDB sees it.
  public static func walk(_ path: String, limitSeconds: Int = limitSeconds) throws(IntegrityError) -> Verdict {
    var result = clm_walk_result()
    clm_tree_walk(path, UInt32(clamping: limitSeconds), &result)
    let text = withUnsafeBytes(of: &result.text) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
    switch UInt32(bitPattern: result.status) {
    case CLM_WALK_SOUND.rawValue:
      return .sound(
        Findings(
          transaction: result.transaction, usedPages: result.used_pages, lostPages: result.lost_pages,
          entries: result.entries))
    case CLM_WALK_STRUCTURE.rawValue:
      return .broken(.structure(page: result.page == .max ? nil : result.page, text))
    case CLM_WALK_LMDB.rawValue:
      // What says nothing about the file is not its fault.
      if [ENOMEM, EMFILE, ENFILE, EACCES, EPERM].contains(result.code) {
        throw IntegrityError("walk (\(text))", path: path, code: result.code)
      }
      return .broken(.lmdb(code: result.code, text))
    case CLM_WALK_SIGNAL.rawValue:
      // Out of memory, or an administrator: nothing that the file did.
      if result.code == SIGKILL { throw IntegrityError("walk (\(text))", path: path, code: ENOMEM) }
      return .broken(.signal(result.code))
    case CLM_WALK_TIMEOUT.rawValue:
      throw IntegrityError("walk (\(text))", path: path, code: ETIMEDOUT)
    default:
      throw IntegrityError("walk (\(text))", path: path, code: result.code)
    }
  }
}
