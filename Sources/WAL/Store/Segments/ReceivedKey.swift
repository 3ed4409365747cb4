import Codec
import Model

/// Whose rows they are that a log holds: an origin's, as a certain tenant. Somebody who knows another tenant's origin can neither mark its rows as
/// held nor learn of them.
///
/// In `received` the origin's 16 bytes, and behind them the tenant's name: nothing for the default tenant.
struct ReceivedKey: Hashable, Sendable {
  var tenant: Tenant
  var origin: Origin

  init(tenant: Tenant, origin: Origin) {
    self.tenant = tenant
    self.origin = origin
  }

  init(_ header: BlockHeader) { self.init(tenant: header.tenant, origin: header.origin) }

  /// In the order of `keyBytes`, nearly: entries that are written in order cost a fraction of those that are not.
  static func sorted(_ entries: [ReceivedKey: ReceivedOrigin]) -> [(key: ReceivedKey, value: ReceivedOrigin)] {
    entries.sorted { a, b in
      (a.key.origin.low.byteSwapped, a.key.origin.high.byteSwapped)
        < (b.key.origin.low.byteSwapped, b.key.origin.high.byteSwapped)
    }
  }

  var keyBytes: [UInt8] { tenant.name.isEmpty ? origin.keyBytes : origin.keyBytes + Array(tenant.name.utf8) }

  init?(keyBytes: [UInt8]) {
    guard keyBytes.count >= 16, let origin = Origin(keyBytes: Array(keyBytes[..<16])),
      let name = String(validating: keyBytes[16...], as: UTF8.self), let tenant = Tenant(name)
    else { return nil }
    self.init(tenant: tenant, origin: origin)
  }
}
