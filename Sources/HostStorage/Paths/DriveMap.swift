// SPDX-License-Identifier: Apache-2.0

/// Which directories of the host the drives stand for.
struct DriveMap: Sendable {
    private let directories: [Character: [String]]

    /// `C` is "/" unless given.
    init(_ drives: [Character: String]) throws(StorageError) {
        var map: [Character: [String]] = ["C": []]
        for (letter, directory) in drives {
            guard letter.isASCII, letter.isLetter, let drive = letter.uppercased().first else {
                throw StorageError(.invalidArgument, "\"\(letter)\" is not a drive letter")
            }
            map[drive] = try PathSpelling.posix(directory).components
        }
        directories = map
    }

    func directory(of drive: Character) -> [String]? { directories[drive] }

    /// The names of a path that was taken apart, from the host's root on.
    ///
    /// - Parameter text: the path, for the error.
    func components(of spelling: PathSpelling, _ text: String) throws(StorageError) -> [String] {
        switch spelling {
        case .posix(let components): return components
        case .windowsDriveless(let components): return (directories["C"] ?? []) + components
        case .windows(let drive, let components):
            guard let directory = directories[drive] else {
                throw StorageError(
                    .denied,
                    "path: \(text.excerpt) is not within the working directories: it is on drive \(drive):, which maps to no directory"
                )
            }
            return directory + components
        }
    }

    /// The Windows spelling of a directory of the host, without a backslash at its end: `C:`, `C:\a`. Of
    /// several drives it is on, the nearest. Nil where it is on none.
    func windows(_ components: [String]) -> String? {
        let holders = directories.filter { _, directory in
            directory.count <= components.count
                && zip(directory, components).allSatisfy { $0.isIdentical(to: $1) }
        }
        let nearest = holders.max { a, b in
            (a.value.count, b.key) < (b.value.count, a.key)
        }
        guard let nearest else { return nil }
        return (["\(nearest.key):"] + components.dropFirst(nearest.value.count)).joined(separator: #"\"#)
    }
}
