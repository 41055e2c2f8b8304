import ExamModel
import NIOCore
import ServerCore

/// What one event loop knows of its connections: deadlines to look at, and polls to wake. Confined to its loop.
///
/// `@unchecked Sendable`: it travels to its loop inside closures and is touched nowhere else.
final class LoopState: @unchecked Sendable {
  let index: Int
  let eventLoop: any EventLoop
  private var connections: ContiguousArray<DeviceConnection> = []
  private var pollsByScope: [ID128: [ObjectIdentifier: DeviceConnection]] = [:]
  private var sweeps: RepeatedTask?
  private(set) var isStopping = false

  init(index: Int, eventLoop: any EventLoop) {
    self.index = index
    self.eventLoop = eventLoop
  }

  func startSweeping(every milliseconds: Int64) {
    sweeps = eventLoop.scheduleRepeatedTask(
      initialDelay: .milliseconds(milliseconds), delay: .milliseconds(milliseconds)
    ) { [weak self] _ in self?.sweep() }
  }

  func add(_ connection: DeviceConnection) {
    eventLoop.assertInEventLoop()
    connection.slot = connections.count
    connections.append(connection)
  }

  func remove(_ connection: DeviceConnection) {
    eventLoop.assertInEventLoop()
    let slot = connection.slot
    guard slot < connections.count, connections[slot] === connection else { return }
    let last = connections.removeLast()
    if last !== connection {
      connections[slot] = last
      last.slot = slot
    }
  }

  func park(_ connection: DeviceConnection, scopes: [ID128]) {
    for scope in scopes { pollsByScope[scope, default: [:]][ObjectIdentifier(connection)] = connection }
  }

  func unpark(_ connection: DeviceConnection, scopes: [ID128]) {
    for scope in scopes {
      guard let index = pollsByScope.index(forKey: scope) else { continue }
      pollsByScope.values[index].removeValue(forKey: ObjectIdentifier(connection))
      if pollsByScope.values[index].isEmpty { pollsByScope.remove(at: index) }
    }
  }

  /// The replies of one batch, then the polls that the batch concerns: in this order, so that none is missed.
  func deliver(_ replies: [LoopReply], changed: Set<ID128>) {
    for reply in replies { reply.target.take(reply.reply, number: reply.number) }
    for scope in changed {
      guard let due = pollsByScope[scope] else { continue }
      for connection in due.values { connection.wake() }
    }
  }

  private func sweep() {
    let now = NIODeadline.now()
    // A connection that ends while it is looked at swaps the last one into its place; backwards, none is missed.
    for index in connections.indices.reversed() where index < connections.count {
      connections[index].checkDeadlines(now)
    }
  }

  /// Held polls are answered, idle connections end, and whatever is under way is finished.
  func beginStopping() {
    isStopping = true
    for connection in Array(connections) { connection.beginStopping() }
  }

  func closeAll() {
    sweeps?.cancel()
    for connection in Array(connections) { connection.closeNow() }
  }

  var connectionCount: Int { connections.count }
}
