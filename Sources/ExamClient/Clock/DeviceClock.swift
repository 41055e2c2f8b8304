public import ExamModel

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// What a device's clocks say at one instant. None of them is trusted, and none decides anything alone.
public struct ClockReading: Hashable, Sendable {
  /// Another one after each boot.
  public var bootID: ID128
  /// Milliseconds since the boot, suspend included (`CLOCK_BOOTTIME`).
  public var bootMilliseconds: UInt64
  /// The wall clock, in milliseconds since 1970. Evidence only.
  public var wallMilliseconds: Int64

  public init(bootID: ID128, bootMilliseconds: UInt64, wallMilliseconds: Int64) {
    self.bootID = bootID
    self.bootMilliseconds = bootMilliseconds
    self.wallMilliseconds = wallMilliseconds
  }
}

/// Reads a device's clocks. Tests bring their own.
public protocol DeviceClock: Sendable {
  func read() -> ClockReading
}

/// The clocks of the operating system.
public struct SystemDeviceClock: DeviceClock {
  private let bootID: ID128
  private let bootOffsetMilliseconds: Int64

  /// - Parameter bootOffsetMilliseconds: added to the boot clock, for tests of what happens hours later.
  public init(bootOffsetMilliseconds: Int64 = 0) {
    self.bootOffsetMilliseconds = bootOffsetMilliseconds
    bootID = Self.systemBootID() ?? Self.derivedBootID()
  }

  /// Reads all clocks at one instant.
  public func read() -> ClockReading {
    let boot = Self.milliseconds(Self.bootClock) + bootOffsetMilliseconds
    return ClockReading(
      bootID: bootID, bootMilliseconds: UInt64(max(0, boot)), wallMilliseconds: Self.milliseconds(CLOCK_REALTIME))
  }

  #if os(Linux) || os(Android)
    private static let bootClock = CLOCK_BOOTTIME
  #else
    // On Apple systems CLOCK_MONOTONIC goes on in sleep; CLOCK_UPTIME_RAW would not.
    private static let bootClock = CLOCK_MONOTONIC
  #endif

  private static func milliseconds(_ clock: clockid_t) -> Int64 {
    var time = timespec()
    clock_gettime(clock, &time)
    return Int64(time.tv_sec) * 1_000 + Int64(time.tv_nsec) / 1_000_000
  }

  /// The kernel's own identifier of this boot, a UUID in text form.
  private static func systemBootID() -> ID128? {
    var text = [UInt8](repeating: 0, count: 64)
    #if os(Linux) || os(Android)
      let descriptor = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC)
      guard descriptor >= 0 else { return nil }
      defer { close(descriptor) }
      let count = readDescriptor(descriptor, &text, text.count)
      guard count > 0 else { return nil }
    #else
      var count = text.count
      guard sysctlbyname("kern.bootsessionuuid", &text, &count, nil, 0) == 0 else { return nil }
    #endif
    let digits = text.prefix(count).filter { ($0 >= 0x30 && $0 <= 0x39) || ($0 | 0x20 >= 0x61 && $0 | 0x20 <= 0x66) }
    return ID128(hex: String(decoding: digits, as: UTF8.self))
  }

  /// Where the kernel gives none: the instant of the boot by the wall clock, to ten seconds.
  private static func derivedBootID() -> ID128 {
    let bootedAt = (milliseconds(CLOCK_REALTIME) - milliseconds(bootClock)) / 10_000
    return ID128(high: 0x626F_6F74_0000_0000, low: UInt64(bitPattern: bootedAt))
  }
}

#if os(Linux) || os(Android)
  private func readDescriptor(_ descriptor: Int32, _ buffer: UnsafeMutableRawPointer, _ count: Int) -> Int {
    // The name would otherwise be taken for the protocol's own requirement.
    read(descriptor, buffer, count)
  }
#endif
