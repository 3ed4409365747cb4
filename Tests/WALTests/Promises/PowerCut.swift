import Foundation

/// What a disk may hold after the power was cut between two steps of a trace.
///
/// The model knows no mercy: of what was not flushed, every page (or sector of 512 bytes) may be there in any of its
/// versions, with or without its neighbours; every creation, renaming or removal in a directory that was not flushed may have
/// happened or not, whatever came before it; a file's length may run ahead of its bytes. A flush of a file does not flush
/// its name. What was flushed, or written through `O_DSYNC`, is there.
struct PowerCut {
  let trace: WriteTrace
  /// The first step that did not happen.
  let cut: Int
  /// 4096, or 512 for torn pages.
  let unit: Int
  /// Of what was not flushed, how much reached the disk: 0 to 1.
  let share: Double

  /// Files and directories by their path below the root.
  func image(using random: inout Seeded) -> (directories: [String], files: [String: [UInt8]]) {
    var flushedFile: [UInt32: Int] = [:]
    var flushedDirectory: [String: Int] = [:]
    for (i, step) in trace.steps[..<cut].enumerated() {
      switch step {
      case .flush(let file): flushedFile[file] = i
      case .flushDirectory(let path): flushedDirectory[path] = i
      default: break
      }
    }
    let (directories, names) = names(flushed: flushedDirectory, using: &random)
    var files: [String: [UInt8]] = [:]
    for (path, file) in names.sorted(by: { $0.key < $1.key }) {
      files[path] = contents(of: file, flushed: flushedFile[file] ?? -1, using: &random)
    }
    return (directories, files)
  }

  func write(to directory: String, using random: inout Seeded) throws {
    let (directories, files) = image(using: &random)
    try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
    for path in directories {
      try FileManager.default.createDirectory(atPath: directory + "/" + path, withIntermediateDirectories: true)
    }
    for (path, bytes) in files { try Data(bytes).write(to: URL(fileURLWithPath: directory + "/" + path)) }
  }

  private func chance(_ random: inout Seeded) -> Bool { Double.random(in: 0..<1, using: &random) < share }

  private static func parent(_ path: String) -> String {
    path.lastIndex(of: "/").map { String(path[..<$0]) } ?? ""
  }

  private func names(
    flushed: [String: Int], using random: inout Seeded
  ) -> (directories: [String], names: [String: UInt32]) {
    var really: [String: UInt32] = [:]
    var onDisk: [String: UInt32] = [:]
    var directories: Set<String> = []
    func happened(_ step: Int, _ paths: String..., random: inout Seeded) -> Bool {
      paths.contains { (flushed[PowerCut.parent($0)] ?? -1) > step } || chance(&random)
    }
    for (i, step) in trace.steps[..<cut].enumerated() {
      switch step {
      case .create(let file, let path):
        really[path] = file
        if happened(i, path, random: &random) { onDisk[path] = file }
      case .rename(let from, let to):
        guard let file = really.removeValue(forKey: from) else { continue }
        really[to] = file
        if happened(i, from, to, random: &random) {
          onDisk[from] = nil
          onDisk[to] = file
        }
      case .unlink(let path):
        really[path] = nil
        if happened(i, path, random: &random) {
          onDisk[path] = nil
          directories.remove(path)
        }
      case .makeDirectory(let path):
        if happened(i, path, random: &random) { directories.insert(path) }
      default: break
      }
    }
    func exists(_ directory: String) -> Bool {
      directory.isEmpty || directories.contains(directory) && exists(PowerCut.parent(directory))
    }
    return (directories.filter(exists).sorted(), onDisk.filter { exists(PowerCut.parent($0.key)) })
  }

  private func contents(of file: UInt32, flushed: Int, using random: inout Seeded) -> [UInt8] {
    var bytes: [UInt8] = []
    var pending: [(offset: Int, bytes: ArraySlice<UInt8>)] = []
    var fullLength = 0
    var pages: Set<Int> = []
    // A write through O_DSYNC takes along what else waits on its pages; so the pages that it touches are found first.
    for (i, step) in trace.steps[..<cut].enumerated() where i > flushed {
      if case .write(file, let offset, let part, true) = step, !part.isEmpty {
        pages.formUnion((offset / 4096)...((offset + part.count - 1) / 4096))
      }
    }
    func apply(_ part: ArraySlice<UInt8>, at offset: Int) {
      if bytes.count < offset + part.count {
        bytes += [UInt8](repeating: 0, count: offset + part.count - bytes.count)
      }
      bytes.replaceSubrange(offset..<(offset + part.count), with: part)
    }
    for (i, step) in trace.steps[..<cut].enumerated() {
      switch step {
      case .write(file, let offset, let part, let durable):
        fullLength = max(fullLength, offset + part.count)
        if i < flushed || durable {
          apply(part, at: offset)
        } else {
          pending.append((offset, part))
        }
      case .length(file, let length):
        fullLength = length
        if i < flushed || chance(&random) {
          if bytes.count > length { bytes.removeSubrange(length...) }
          if bytes.count < length { bytes += [UInt8](repeating: 0, count: length - bytes.count) }
        }
      default: break
      }
    }
    applyPending(pending, onto: &bytes, durablePages: pages, using: &random)
    if bytes.count < fullLength, chance(&random) {
      bytes += [UInt8](repeating: 0, count: fullLength - bytes.count)
    }
    return bytes
  }

  /// Each unit gets the first so many of the writes that wait for it.
  private func applyPending(
    _ pending: [(offset: Int, bytes: ArraySlice<UInt8>)], onto bytes: inout [UInt8], durablePages: Set<Int>,
    using random: inout Seeded
  ) {
    var waiting: [Int: Int] = [:]
    for write in pending where !write.bytes.isEmpty {
      for u in (write.offset / unit)...((write.offset + write.bytes.count - 1) / unit) { waiting[u, default: 0] += 1 }
    }
    var allowed: [Int: Int] = [:]
    for (u, count) in waiting.sorted(by: { $0.key < $1.key }) {
      if durablePages.contains(u * unit / 4096) {
        allowed[u] = count
      } else {
        allowed[u] = chance(&random) ? Int.random(in: 1...count, using: &random) : 0
      }
    }
    for write in pending where !write.bytes.isEmpty {
      let end = write.offset + write.bytes.count
      for u in (write.offset / unit)...((end - 1) / unit) {
        guard let left = allowed[u], left > 0 else { continue }
        allowed[u] = left - 1
        let range = max(write.offset, u * unit)..<min(end, (u + 1) * unit)
        if bytes.count < range.upperBound {
          bytes += [UInt8](repeating: 0, count: range.upperBound - bytes.count)
        }
        let start = write.bytes.startIndex + range.lowerBound - write.offset
        bytes.replaceSubrange(range, with: write.bytes[start..<(start + range.count)])
      }
    }
  }
}
