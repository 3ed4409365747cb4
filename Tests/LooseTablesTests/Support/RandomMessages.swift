import Model
import Wire

/// Random messages of a population of series that turns over: all that remote write can hold, and some of it wrong.
struct RandomMessages {
  var random: SeededGenerator
  private var population: [[Label]] = []
  private var time: Int64 = 1_795_000_000_000

  init(seed: UInt64) {
    random = SeededGenerator(seed: seed)
    for _ in 0..<60 { population.append(labels()) }
  }

  private mutating func chance(_ percent: Int) -> Bool { Int.random(in: 0..<100, using: &random) < percent }

  private mutating func text(_ length: ClosedRange<Int>) -> String {
    let letters = Array("abcdefghij_0123456789:äλ中\"\\\n{}")
    return String(
      (0..<Int.random(in: length, using: &random)).map { _ in letters.randomElement(using: &random) ?? "a" })
  }

  private mutating func labels() -> [Label] {
    var labels = [Label("__name__", text(1...20)), Label("id", text(1...8))]
    if chance(50) { labels.append(Label("instance", "host\(Int.random(in: 0..<5, using: &random))")) }
    for _ in 0..<Int.random(in: 0...6, using: &random) { labels.append(Label(text(1...6), text(1...150))) }
    return Labels(labels).pairs
  }

  private mutating func value() -> Double {
    switch Int.random(in: 0..<4, using: &random) {
    case 0: Double(Int.random(in: -5...1_000_000, using: &random))
    case 1: Double(bitPattern: random.next())
    case 2: [0.0, -0.0, .infinity, -.infinity, .nan, StaleMarker.value].randomElement(using: &random) ?? 0
    default: Double(Int.random(in: 0...100_000, using: &random)) / 1000
    }
  }

  private mutating func histogram() -> NativeHistogram {
    NativeHistogram(
      resetHint: UInt8.random(in: 0...3, using: &random), schema: Int32.random(in: -53...8, using: &random),
      zeroThreshold: value(), sum: value(),
      counts: chance(50)
        ? .integer(count: random.next(), zeroCount: 3, positiveDeltas: [1, -1, .min], negativeDeltas: [])
        : .float(countBits: random.next(), zeroCountBits: 0, positiveBits: [random.next()], negativeBits: [7]),
      positiveSpans: [.init(offset: -3, length: 3)], negativeSpans: [.init(offset: .max, length: .max)],
      customBounds: chance(30) ? [0.5, value()] : [])
  }

  /// A message, and for each of its series whether its labels are right.
  mutating func message() -> (SentMessage, isRight: [Bool]) {
    if chance(30) { population[Int.random(in: 0..<population.count, using: &random)] = labels() }
    var message = SentMessage()
    var isRight: [Bool] = []
    time += Int64.random(in: 1...15_000, using: &random)
    for _ in 0..<Int.random(in: 1...40, using: &random) {
      var labels = population.randomElement(using: &random) ?? []
      let isWrong = chance(8)
      if isWrong { labels.append(chance(50) ? Label("", "x") : Label("__name__", "again")) }
      if chance(20) { labels.shuffle(using: &random) }
      if chance(20) { labels.append(Label("zzz", "")) }
      var series = SentSeries(labels)
      for at in 0..<Int.random(in: 1...4, using: &random) {
        let time = chance(5) ? Int64.random(in: .min ... .max, using: &random) : time + Int64(at)
        series.samples.append(.init(timestamp: UnixMilliseconds(time), valueBits: value().bitPattern))
      }
      if chance(10) { series.histograms.append(.init(timestamp: UnixMilliseconds(time), histogram: histogram())) }
      if chance(10) {
        series.exemplars.append(
          .init(
            labels: [Label("trace_id", text(1...16))], timestamp: UnixMilliseconds(time), valueBits: value().bitPattern)
        )
      }
      if chance(10) { series.created = time - 1000 }
      message.series.append(series)
      isRight.append(!isWrong)
    }
    message.symbolsLast = chance(30)
    message.strangeSymbols = (0..<Int.random(in: 0...5, using: &random)).map { "strange \($0)" }
    return (message, isRight)
  }
}
