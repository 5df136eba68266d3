// SPDX-License-Identifier: Apache-2.0

public import HostStorage

extension MemoryBackend {
    public func pathExists(_ path: HostPath) throws(StorageError) -> Bool {
        try simulate { host throws(StorageError) in
            // Below a file there is nothing.
            _ = try host.confinedPlace(path)
            if try host.isBelowFile(path) { return false }
            do throws(StorageError) {
                return host[try host.locate(path)] != nil
            } catch  where error.code == .notFound {
                return false
            }
        }
    }

    public func makeDirectory(_ path: HostPath) throws(StorageError) {
        try simulate { host throws(StorageError) in
            let place = try host.confinedPlace(path)
            // As on Windows, a link to a directory is one that is there.
            if case .link? = host[place] {
                guard let target = try? host.follow(path), host[target]?.isDirectory == true else {
                    throw StorageError(.failedPrecondition, "\(host.displayed(place)) is a symbolic link in the way")
                }
                return
            }
            var way: [HostPath] = []
            var step: HostPath? = path.confined(to: nil)
            while let current = step {
                way.append(current)
                step = current.parent
            }
            for path in way.reversed() {
                let place = try host.locate(path)
                switch host[place] {
                case nil:
                    try host.requireWritable(place)
                    host[place] = .emptyDirectory
                case .directory?: break
                default: throw StorageError(.failedPrecondition, "\(host.displayed(place)) is not a directory")
                }
            }
        }
    }

    public func remove(_ path: HostPath, force: Bool) throws(StorageError) {
        try simulate { host throws(StorageError) in
            let place: Place
            do throws(StorageError) {
                place = try host.locate(path)
            } catch  where error.code == .notFound && force {
                return
            }
            guard let node = host[place] else {
                if force { return }
                throw StorageError(.notFound, "\(host.displayed(place)) does not exist")
            }
            if host.mounts[place] != nil {
                guard force else { throw StorageError(.busy, "a volume is mounted at \(host.displayed(place))") }
                try host.unmount(place)
            } else if node.isDirectory, !force {
                guard node.isEmptyDirectory else {
                    throw StorageError(.failedPrecondition, "\(host.displayed(place)) is not empty")
                }
            }
            try host.refuseMounts(below: place)
            try host.requireWritable(Place(place.dropLast()))
            host[place] = nil
        }
    }

    public func removeContents(of path: HostPath) throws(StorageError) {
        try simulate { host throws(StorageError) in
            let place = try host.locate(path)
            guard let node = host[place] else {
                throw StorageError(.notFound, "\(host.displayed(place)) does not exist")
            }
            guard node.isDirectory else {
                throw StorageError(.failedPrecondition, "\(host.displayed(place)) is not a directory")
            }
            try host.refuseMounts(below: place)
            try host.requireWritable(place)
            host[place] = .emptyDirectory
        }
    }

    public func createSymlink(at link: HostPath, to target: HostPath) throws(StorageError) {
        try simulate { host throws(StorageError) in
            let place = try host.locate(link)
            guard host[place] == nil else { throw StorageError(.alreadyExists, "\(host.displayed(place)) exists") }
            guard host[Place(place.dropLast())] != nil else {
                throw StorageError(.notFound, "the directory of \(host.displayed(place)) does not exist")
            }
            _ = try host.confinedPlace(target)
            do throws(StorageError) {
                // A caller that follows the new link must not leave the roots by another link behind it.
                _ = try host.follow(target)
            } catch  where error.code == .notFound {}
            try host.requireWritable(place)
            host[place] = .link(target.hostPath)
        }
    }

    public func isSymlink(_ path: HostPath) throws(StorageError) -> Bool {
        try simulate { host throws(StorageError) in
            let place = try host.locate(path)
            switch host[place] {
            case nil: throw StorageError(.notFound, "\(host.displayed(place)) does not exist")
            case .link(let target)?:
                return try host.targetExists(target, from: Place(place.dropLast()), for: path)
            default: return host.mounts[place] != nil
            }
        }
    }
}

extension SimulatedHost {
    fileprivate func refuseMounts(below place: Place) throws(StorageError) {
        if let mount = mounts(strictlyBelow: place).first {
            throw StorageError(.busy, "a volume is mounted at \(displayed(mount))")
        }
    }
}
