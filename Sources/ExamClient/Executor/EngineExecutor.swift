#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Runs an actor's work on one thread of its own.
///
/// SQLite blocks: a commit waits for the disk. On Swift's cooperative pool that would hold up every other task of
/// the app, so the engine never runs there. The thread lives as long as the executor does.
final class EngineExecutor: SerialExecutor {
  private let thread: EngineThread

  init() {
    thread = EngineThread()
    thread.executor = self
    thread.start()
  }

  deinit {
    thread.stop()
  }

  func enqueue(_ job: consuming ExecutorJob) {
    thread.enqueue(UnownedJob(job))
  }

  func asUnownedSerialExecutor() -> UnownedSerialExecutor {
    UnownedSerialExecutor(ordinary: self)
  }

  func checkIsolated() {
    precondition(thread.isCurrent, "this is only right on the engine's own thread")
  }

  /// Calls `action` on the thread after `milliseconds`; replaces the wake set before. `nil` sets none.
  func setWake(afterMilliseconds milliseconds: Int64?, _ action: @escaping @Sendable () -> Void) {
    thread.setWake(afterMilliseconds: milliseconds, action)
  }
}

/// The thread with its queue and its one timer.
private final class EngineThread: @unchecked Sendable {
  private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
  private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
  // All guarded by the mutex.
  private var jobs: [UnownedJob] = []
  private var wakeAt: Int64?
  private var wakeAction: (@Sendable () -> Void)?
  private var isStopping = false
  private var identity: pthread_t?
  /// Held by the thread only while it runs jobs, so that the last owner's release ends the thread.
  weak var executor: EngineExecutor?

  init() {
    pthread_mutex_init(mutex, nil)
    #if os(Linux) || os(Android)
      var attributes = pthread_condattr_t()
      pthread_condattr_init(&attributes)
      pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
      pthread_cond_init(condition, &attributes)
      pthread_condattr_destroy(&attributes)
    #else
      pthread_cond_init(condition, nil)
    #endif
  }

  deinit {
    pthread_cond_destroy(condition)
    pthread_mutex_destroy(mutex)
    condition.deallocate()
    mutex.deallocate()
  }

  var isCurrent: Bool {
    locked { identity.map { pthread_equal($0, pthread_self()) != 0 } ?? false }
  }

  func start() {
    let context = Unmanaged.passRetained(self).toOpaque()
    #if os(Linux) || os(Android)
      var handle = pthread_t()
      let status = pthread_create(&handle, nil, { EngineThread.main($0!) }, context)
    #else
      var handle: pthread_t?
      let status = pthread_create(&handle, nil, { EngineThread.main($0) }, context)
    #endif
    precondition(status == 0, "no thread could be started for the exam engine")
    #if os(Linux) || os(Android)
      pthread_detach(handle)
    #else
      if let handle { pthread_detach(handle) }
    #endif
  }

  func enqueue(_ job: UnownedJob) {
    locked { jobs.append(job) }
    // After the lock is free, or the thread would wake only to wait for it.
    pthread_cond_signal(condition)
  }

  func stop() {
    locked {
      isStopping = true
      pthread_cond_signal(condition)
    }
  }

  func setWake(afterMilliseconds milliseconds: Int64?, _ action: @escaping @Sendable () -> Void) {
    locked {
      wakeAt = milliseconds.map { Self.now + max(0, $0) }
      wakeAction = action
      pthread_cond_signal(condition)
    }
  }

  private static func main(_ context: UnsafeMutableRawPointer) -> UnsafeMutableRawPointer? {
    let thread = Unmanaged<EngineThread>.fromOpaque(context).takeRetainedValue()
    thread.locked { thread.identity = pthread_self() }
    while let work = thread.next() {
      // Strong while jobs run: an actor's last release may happen inside one of them.
      guard let executor = thread.executor else { continue }
      for job in work.jobs { job.runSynchronously(on: executor.asUnownedSerialExecutor()) }
      work.wake?()
    }
    return nil
  }

  private struct Work {
    var jobs: [UnownedJob]
    var wake: (@Sendable () -> Void)?
  }

  /// Waits for work; `nil` when the executor is gone.
  private func next() -> Work? {
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    while true {
      var wake: (@Sendable () -> Void)?
      if let wakeAt, wakeAt <= Self.now {
        self.wakeAt = nil
        wake = wakeAction
      }
      if !jobs.isEmpty || wake != nil {
        let taken = jobs
        jobs.removeAll(keepingCapacity: true)
        return Work(jobs: taken, wake: wake)
      }
      if isStopping { return nil }
      guard let wakeAt else {
        pthread_cond_wait(condition, mutex)
        continue
      }
      wait(until: wakeAt)
    }
  }

  private func wait(until milliseconds: Int64) {
    #if os(Linux) || os(Android)
      var time = timespec(tv_sec: Int(milliseconds / 1_000), tv_nsec: Int(milliseconds % 1_000) * 1_000_000)
      pthread_cond_timedwait(condition, mutex, &time)
    #else
      let rest = max(0, milliseconds - Self.now)
      var time = timespec(tv_sec: Int(rest / 1_000), tv_nsec: Int(rest % 1_000) * 1_000_000)
      pthread_cond_timedwait_relative_np(condition, mutex, &time)
    #endif
  }

  private static var now: Int64 {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Int64(time.tv_sec) * 1_000 + Int64(time.tv_nsec) / 1_000_000
  }

  private func locked<Value>(_ body: () -> Value) -> Value {
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    return body()
  }
}
