import Foundation
import HTTP

/// Tells who sent a request by its credentials, or by its address when nobody needs any.
final class SenderDirectory: Sendable {
  private let senders: [SenderSettings]
  private let defaults: SenderLimits
  private let texts = FileTexts()
  let records: SenderRecords

  init(_ settings: GatewaySettings, budget: ByteBudget) {
    senders = settings.senders
    defaults = settings.limits.sender
    records = SenderRecords(limit: settings.limits.trackedSenders, budget: budget)
  }

  /// `authorization`: what the header of that name says. `address`: the remote one, without its port.
  func sender(authorization: String?, address: String) throws(Refusal) -> Sender {
    guard !senders.isEmpty else {
      return Sender(
        name: address, tenant: nil, limits: defaults, record: records.record(of: address, limits: defaults))
    }
    guard let authorization, let offered = Offered(authorization) else {
      throw Refusal(
        .unauthenticated,
        "credentials are wanted: a header Authorization with Bearer or Basic; without one it is never taken")
    }
    var found: SenderSettings?
    var isUnreadable = false
    // All of them, so that the time does not tell which one was near.
    for sender in senders {
      do throws(HTTPError) {
        if try matches(sender.credentials, offered), found == nil { found = sender }
      } catch {
        isUnreadable = true
      }
    }
    guard let found else {
      if isUnreadable {
        throw Refusal(
          .unavailable, "the gateway cannot read all credentials now, perhaps these; it may be sent again later",
          retryAfter: .seconds(10))
      }
      throw Refusal(.unauthenticated, "these credentials are nobody's; sending it again does not help")
    }
    let limits = found.limits ?? defaults
    return Sender(
      name: found.name, tenant: found.tenant, limits: limits, record: records.record(of: found.name, limits: limits))
  }

  private func matches(_ credentials: SenderSettings.Credentials, _ offered: Offered) throws(HTTPError) -> Bool {
    switch (credentials, offered) {
    case (.bearer(let token), .bearer(let text)): return sameInConstantTime(try texts.text(of: token), text)
    case (.basic(let username, let password), .basic(let text)):
      let password = try texts.text(of: password)
      // As of an empty file; the name alone is no secret.
      guard !password.isEmpty else { return false }
      return sameInConstantTime(try texts.text(of: username) + ":" + password, text)
    default: return false
    }
  }

  /// What a request shows.
  private enum Offered {
    case bearer(String)
    /// Name and password with the colon between them.
    case basic(String)

    init?(_ header: String) {
      let parts = header.split(separator: " ", maxSplits: 1, omittingEmptySubsequences: true)
      guard parts.count == 2 else { return nil }
      let value = parts[1].trimmingCharacters(in: .whitespaces)
      switch parts[0].lowercased() {
      case "bearer": self = .bearer(value)
      case "basic":
        guard let data = Data(base64Encoded: value), let text = String(validating: data, as: UTF8.self) else {
          return nil
        }
        self = .basic(text)
      default: return nil
      }
    }
  }
}

/// Compares every byte whatever differs; only the lengths can be told from the time.
func sameInConstantTime(_ a: String, _ b: String) -> Bool {
  let (a, b) = (Array(a.utf8), Array(b.utf8))
  // An empty secret, as of an empty file, lets nobody in.
  guard !a.isEmpty, a.count == b.count else { return false }
  var difference: UInt8 = 0
  for (x, y) in zip(a, b) { difference |= x ^ y }
  return difference == 0
}
