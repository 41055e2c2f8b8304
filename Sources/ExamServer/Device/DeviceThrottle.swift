import ExamModel
import NIOConcurrencyHelpers
import NIOCore

/// A token bucket for each device, so that one phone in a loop costs the others nothing.
///
/// Two buckets in one: ordinary requests draw it down to what is kept for seals, and seals to nothing.
final class DeviceThrottle: Sendable {
  /// What was left of the tokens, and when.
  private struct Bucket {
    var tokens: Double
    var time: NIODeadline
  }

  private let buckets = NIOLockedValueBox<[ID128: Bucket]>([:])
  /// Tokens a second; 0 for no limit.
  private let rate: Double
  private let capacity: Double
  private let keptForSeals: Double
  private let countedDevices: Int

  init(_ limits: DevicePlaneLimits) {
    rate = Double(max(0, limits.deviceRequestsPerSecond))
    keptForSeals = Double(max(0, limits.deviceSealBurst))
    capacity = Double(max(1, limits.deviceRequestBurst)) + keptForSeals
    countedDevices = max(1, limits.countedDevices)
  }

  /// Counts a request of a device.
  ///
  /// - Parameter isSeal: a push with a seal is in it, or a receipt.
  /// - Returns: the milliseconds until there is room for one, where there is none now, else `nil`.
  func take(_ device: ID128, isSeal: Bool = false, at now: NIODeadline = .now()) -> Int64? {
    guard rate > 0 else { return nil }
    let floor = isSeal ? 0 : keptForSeals
    return buckets.withLockedValue { buckets in
      var bucket = buckets[device] ?? Bucket(tokens: capacity, time: now)
      bucket.tokens = tokens(of: bucket, at: now)
      bucket.time = max(now, bucket.time)
      let isAdmitted = bucket.tokens >= floor + 1
      if isAdmitted { bucket.tokens -= 1 }
      if buckets[device] == nil && buckets.count >= countedDevices { makeRoom(in: &buckets, at: now) }
      buckets[device] = bucket
      return isAdmitted ? nil : Int64((floor + 1 - bucket.tokens) / rate * 1_000) + 1
    }
  }

  var count: Int { buckets.withLockedValue { $0.count } }

  private func tokens(of bucket: Bucket, at now: NIODeadline) -> Double {
    let seconds = Double(max(0, (now - bucket.time).nanoseconds)) / 1e9
    return min(capacity, bucket.tokens + seconds * rate)
  }

  /// A full bucket says no more than none; where all are in use, everybody begins anew.
  private func makeRoom(in buckets: inout [ID128: Bucket], at now: NIODeadline) {
    buckets = buckets.filter { tokens(of: $0.value, at: now) < capacity }
    if buckets.count >= countedDevices { buckets.removeAll() }
  }
}
