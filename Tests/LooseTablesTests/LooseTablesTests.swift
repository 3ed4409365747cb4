import Testing

@testable import LooseTables
