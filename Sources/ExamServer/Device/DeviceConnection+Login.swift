import ExamModel
import NIOCore
import ServerCore
import SyncProtocol

/// Log-in: verifier from the writer, scrypt on a thread of its own, the session from the writer again.
extension DeviceConnection {
  func handleLogin(_ login: LoginRequest, from address: String) {
    guard login.username.utf8.count <= Limits.usernameBytes, login.password.utf8.count <= Limits.passwordBytes else {
      return fail(Problem(.wrongPassword, "The user name or the password is longer than any."))
    }
    let wait = services.logins.countTry(username: login.username, address: address, now: services.clock.now)
    if let wait {
      return fail(
        Problem(.tooManyTries, "Too many tries with this user name. Wait and try again.", retryAfterSeconds: wait))
    }
    guard services.passwords.reserve() else {
      return fail(Problem(.busy, "Many are logging in. Come again.", retryAfterSeconds: 2))
    }
    let attempt = LoginAttempt(login: login, address: address, connection: self, number: number)
    let call = ServerCall.credentials(username: login.username)
    guard services.writer.enqueue(call, to: .callback { attempt.check($0) }, priority: .urgent) else {
      services.passwords.release()
      return fail(Problem(.busy, "The server has too much to do. Come again.", retryAfterSeconds: 2))
    }
  }
}

/// One log-in on its way between threads.
private struct LoginAttempt: Sendable {
  let login: LoginRequest
  let address: String
  let connection: DeviceConnection
  let number: UInt64

  /// On the writer's thread: only hands on.
  func check(_ reply: ServerReply) {
    connection.services.passwords.run {
      finish(reply)
      connection.services.passwords.release()
    }
  }

  /// On a password thread. An unknown user name costs as much as a wrong password and reads the same.
  private func finish(_ reply: ServerReply) {
    let services = connection.services
    let verifier: PasswordVerifier?
    switch reply {
    case .credentials(let found): verifier = found
    case .problem(let problem): return hand(.problem(problem))
    default: return hand(.problem(Problem(.internal, "The server mixed up two answers. Send it again.")))
    }
    let isPassword = PasswordCheck.matches(login.password, verifier)
    guard let verifier, isPassword, CertificateChecks.verify(login) else {
      return hand(
        .problem(
          Problem(.wrongPassword, "The user name or the password is wrong. Check both, or ask for a new password.")))
    }
    services.logins.forget(username: login.username, address: address)
    let sink = ReplySink.connection(connection, number: number, loop: connection.loop.index)
    if !services.writer.enqueue(.login(login, candidate: verifier.candidate), to: sink, priority: .urgent) {
      hand(.problem(Problem(.busy, "The server has too much to do. Come again.", retryAfterSeconds: 2)))
    }
  }

  private func hand(_ reply: ServerReply) {
    connection.loop.eventLoop.execute { connection.take(reply, number: number) }
  }
}
