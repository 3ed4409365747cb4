@main struct BlockBench { static func main() {} }
