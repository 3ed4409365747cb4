import Foundation
import Model

/// Which Clymene this is.
public struct BuildInfo: Sendable {
  public var version: String
  /// When the executable was written, RFC 3339; empty where that cannot be seen.
  public var buildTime: String

  public static let current = BuildInfo(version: "0.1.0", buildTime: executableTime() ?? "")

  /// `{"version":"…","buildTime":"…"}`, the keys of the original.
  public var json: String {
    "{\"version\":\(JSONText.quoted(version)),\"buildTime\":\(JSONText.quoted(buildTime))}"
  }

  /// How the program names itself to servers.
  public var userAgent: String { "Clymene/\(version)" }

  private static func executableTime() -> String? {
    guard let path = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe"),
      let date = try? FileManager.default.attributesOfItem(atPath: path)[.modificationDate] as? Date
    else { return nil }
    return RFC3339.format(UnixMilliseconds(Int64(date.timeIntervalSince1970) * 1000))
  }
}
