/// The server's files as they are, to be put back later.
struct ServerBackup {
  private let world: SimWorld
  private let image: DiskImage
  let taken: Int64
  private let times: (opensAt: Int64, closesAt: Int64)

  init(of world: SimWorld) {
    self.world = world
    image = world.server.disk.snapshot()
    taken = world.kernel.now
    times = (world.opensAt, world.closesAt)
  }

  /// What operators decided since is gone with the rest.
  func restore() {
    world.probes.mark(.restoredBehind)
    world.server.restore(image, from: taken)
    world.setTimes(opensAt: times.opensAt, closesAt: times.closesAt)
  }
}
