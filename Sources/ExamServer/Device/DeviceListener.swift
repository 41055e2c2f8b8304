import NIOCore
import NIOHTTP1
import NIOPosix
import SyncProtocol

/// The device plane's socket: NIO's HTTP decoder with our limits, and one handler.
final class DeviceListener: Sendable {
  private let services: DeviceServices
  private let loops: [LoopState]
  private let channel: any Channel

  /// Begins to listen.
  ///
  /// - Parameters:
  ///   - group: its loops in the order of `loops`.
  ///   - port: 0 takes a free one; see ``port``.
  init(
    services: DeviceServices, group: MultiThreadedEventLoopGroup, loops: [LoopState], host: String, port: Int
  ) async throws {
    self.services = services
    self.loops = loops
    let states = loops
    let bootstrap = ServerBootstrap(group: group)
      .serverChannelOption(.backlog, value: 4_096)
      .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
      .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
      .childChannelOption(.autoRead, value: false)
      .childChannelOption(.writeBufferWaterMark, value: ChannelOptions.Types.WriteBufferWaterMark(low: 1, high: 32_768))
      .childChannelOption(
        .recvAllocator, value: AdaptiveRecvByteBufferAllocator(minimum: 512, initial: 1_024, maximum: 65_536)
      )
      .childChannelInitializer { channel in
        channel.eventLoop.makeCompletedFuture {
          guard let loop = states.first(where: { $0.eventLoop === channel.eventLoop }) else { return }
          try Self.configure(channel, services: services, loop: loop)
        }
      }
    channel = try await bootstrap.bind(host: host, port: port).get()
    for loop in loops { loop.startSweeping(every: services.limits.sweepMilliseconds) }
  }

  var port: Int { channel.localAddress?.port ?? 0 }

  private static func configure(_ channel: any Channel, services: DeviceServices, loop: LoopState) throws {
    let address = channel.remoteAddress?.ipAddress ?? "unknown"
    guard services.census.admit(address) else {
      services.metrics.count(.connectionRefused)
      throw TooManyConnections()
    }
    var limits = NIOHTTPDecoderLimitConfiguration()
    limits.maxHeaderFieldSize = services.limits.headBytes
    limits.maxHeaderListSize = services.limits.headBytes
    limits.maxHeaderFieldCount = services.limits.headFields
    let decoder = HTTPRequestDecoder(
      leftOverBytesStrategy: .dropBytes, informationalResponseStrategy: .drop, limitConfiguration: limits)
    try channel.pipeline.syncOperations.addHandler(ByteToMessageHandler(decoder))
    try channel.pipeline.syncOperations.addHandler(
      DeviceConnection(services: services, loop: loop, address: address))
  }

  /// Takes no new connections; held polls are answered, requests under way are finished.
  func stopAccepting() async {
    try? await channel.close().get()
    for loop in loops { try? await loop.eventLoop.submit { loop.beginStopping() }.get() }
  }

  /// Waits until every connection is gone, at most until `deadline`, and closes what is left.
  func drain(until deadline: NIODeadline) async {
    while NIODeadline.now() < deadline && services.census.count > 0 {
      try? await Task.sleep(for: .milliseconds(10))
    }
    for loop in loops { try? await loop.eventLoop.submit { loop.closeAll() }.get() }
  }
}

/// Ends a connection above a cap before anything is read from it.
private struct TooManyConnections: Error {}
