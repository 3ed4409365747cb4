import CTreeWalk

/// What the fuzzer, and the replay of its findings, do with bytes: they are checked as an LMDB file in memory of exactly their
/// size, and whatever they are, the answer is one of two.
public enum TreeProbe {
  public static func run(_ input: [UInt8]) {
    var result = clm_walk_result()
    input.withUnsafeBufferPointer { clm_check_structure($0.baseAddress, UInt64($0.count), &result) }
    let status = UInt32(bitPattern: result.status)
    precondition(status == CLM_WALK_SOUND.rawValue || status == CLM_WALK_STRUCTURE.rawValue)
    if status == CLM_WALK_SOUND.rawValue { precondition(result.used_pages <= UInt64(input.count / 4096)) }
  }
}
