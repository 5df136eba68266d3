// SPDX-License-Identifier: Apache-2.0

public import HostStorage

extension MemoryBackend {
    // Modes are not simulated.
    public func ensureDirectory(_ path: HostPath, mode: FileMode) throws(StorageError) -> Bool {
        let isThere = try pathExists(path)
        try makeDirectory(path)
        return !isThere
    }

    public func ensureFile(_ path: HostPath, mode: FileMode) throws(StorageError) -> Bool {
        try simulate { host throws(StorageError) in
            let place = try host.locate(path)
            guard host[Place(place.dropLast())]?.isDirectory == true else {
                throw StorageError(.notFound, "the directory of \(host.displayed(place)) does not exist")
            }
            switch host[place] {
            case nil:
                try host.requireWritable(place)
                host[place] = .file([])
                return true
            case .file?: return false
            default: throw StorageError(.failedPrecondition, "\(host.displayed(place)) is no file")
            }
        }
    }

    public func ensureSymlink(
        at link: HostPath, to target: HostPath, requiresMount: Bool
    ) throws(StorageError) -> Bool {
        if requiresMount, try targetState(of: target).mount == nil {
            throw StorageError(.failedPrecondition, "nothing is mounted at \(target)")
        }
        do throws(StorageError) {
            try createSymlink(at: link, to: target)
            return true
        } catch  where error.code == .alreadyExists {
            let isSame = try simulate { host throws(StorageError) in
                guard case .link(let text)? = host[try host.locate(link)] else { return false }
                return text.utf8.elementsEqual(target.hostPath.utf8)
            }
            guard isSame else { throw error }
            return false
        }
    }

    public func readFile(_ path: HostPath) throws(StorageError) -> [UInt8] {
        try simulate { host throws(StorageError) in
            let place = try host.locate(path)
            switch host[place] {
            case nil: throw StorageError(.notFound, "\(host.displayed(place)) does not exist")
            case .file(let bytes)? where bytes.count <= maximumSmallFile: return bytes
            case .file?: throw StorageError(.outOfRange, "\(host.displayed(place)) is too large")
            default: throw StorageError(.failedPrecondition, "\(host.displayed(place)) is no file")
            }
        }
    }

    public func writeFile(_ bytes: [UInt8], to path: HostPath, mode: FileMode) throws(StorageError) {
        try simulate { host throws(StorageError) in
            let place = try host.locate(path)
            guard host[Place(place.dropLast())]?.isDirectory == true else {
                throw StorageError(.notFound, "the directory of \(host.displayed(place)) does not exist")
            }
            switch host[place] {
            case nil, .file?: break
            default: throw StorageError(.failedPrecondition, "\(host.displayed(place)) is no file")
            }
            try host.requireWritable(place)
            host[place] = .file(bytes)
        }
    }

    public func canonicalPath(of path: HostPath) throws(StorageError) -> String {
        try simulate { host throws(StorageError) in
            let place = try host.follow(path)
            guard host[place] != nil else { throw StorageError(.notFound, "\(host.displayed(place)) does not exist") }
            return place.text
        }
    }
}
