// SPDX-License-Identifier: Apache-2.0

public import HostStorage
public import Testing

/// Expects a call to fail with this code and with every one of these words in its description.
@discardableResult
public func expectError<Answer>(
    _ code: StorageError.Code, _ words: String..., sourceLocation: SourceLocation = #_sourceLocation,
    performing body: () async throws -> Answer
) async -> StorageError? {
    do {
        return judge(.success(try await body()), code, words, sourceLocation)
    } catch {
        return judge(Result<Answer, any Error>.failure(error), code, words, sourceLocation)
    }
}

/// The same for calls that do not suspend.
@discardableResult
public func expectError<Answer>(
    _ code: StorageError.Code, _ words: String..., sourceLocation: SourceLocation = #_sourceLocation,
    performing body: () throws -> Answer
) -> StorageError? {
    judge(Result { try body() }, code, words, sourceLocation)
}

private func judge<Answer>(
    _ outcome: Result<Answer, any Error>, _ code: StorageError.Code, _ words: [String], _ location: SourceLocation
) -> StorageError? {
    switch outcome {
    case .success(let answer):
        Issue.record("expected \(code), got \(answer)", sourceLocation: location)
    case .failure(let error as StorageError):
        #expect(error.code == code, "\(error)", sourceLocation: location)
        for word in words { #expect("\(error)".contains(word), "\(error)", sourceLocation: location) }
        return error
    case .failure(let error):
        Issue.record("expected \(code), got \(error)", sourceLocation: location)
    }
    return nil
}
