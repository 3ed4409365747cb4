import LooseTables
import Model

/// Reads pushes with `LooseTables`.
struct LooseReader: PushReader {
  init(_ settings: GatewaySettings) {}

  func read(_ body: [UInt8], as form: PushForm, tenant: Tenant) throws(PushError) -> Push {
    throw .invalid("this gateway cannot read \(form.rawValue) yet")
  }
}
