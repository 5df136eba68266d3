// SPDX-License-Identifier: Apache-2.0

import HostStorage

/// A part of a filesystem, or a device node, that is mounted at a second place.
struct SimulatedBind: Sendable, Hashable {
    enum Filesystem: Sendable, Hashable {
        case ofHost
        case volume(VolumeID)
        case share(SimulatedMapping.Key)
        case devices
    }

    var filesystem: Filesystem
    /// The place in the filesystem, from its own top on; of a device its name.
    var part: Place
    var isReadOnly: Bool

    func isOf(_ other: SimulatedBind) -> Bool { filesystem == other.filesystem && part == other.part }
}

extension SimulatedHost {
    /// What a bind mount of a place would show.
    func bindable(_ place: Place, isReadOnly: Bool) -> SimulatedBind {
        guard let mount = mount(above: place), let source = mounts[mount] else {
            return SimulatedBind(filesystem: .ofHost, part: place, isReadOnly: isReadOnly)
        }
        let rest = Place(place.dropFirst(mount.count))
        return switch source {
        case .volume(let volume): SimulatedBind(filesystem: .volume(volume), part: rest, isReadOnly: isReadOnly)
        case .share(let key): SimulatedBind(filesystem: .share(key), part: rest, isReadOnly: isReadOnly)
        case .bind(let bind):
            SimulatedBind(
                filesystem: bind.filesystem, part: bind.part + rest, isReadOnly: isReadOnly || bind.isReadOnly)
        }
    }

    /// The content of a part of a filesystem.
    subscript(bind: SimulatedBind, rest: ArraySlice<FileName>) -> Node? {
        get {
            let path = (bind.part + rest)[...]
            return switch bind.filesystem {
            case .ofHost: files[path]
            case .volume(let volume): self[filesystem: volume]?.files[path]
            case .share(let key): isUsable(key) ? shares[key.share]?.files[path] : nil
            case .devices: rest.isEmpty ? .file([]) : nil
            }
        }
        set {
            guard !bind.isReadOnly else { return }
            let path = (bind.part + rest)[...]
            switch bind.filesystem {
            case .ofHost: files[path] = newValue
            case .volume(let volume): self[filesystem: volume]?.files[path] = newValue
            case .share(let key): if isUsable(key) { shares[key.share]?.files[path] = newValue }
            case .devices: break
            }
        }
    }

    /// Fails where the place is in a mount that refuses writes.
    func requireWritable(_ place: Place) throws(StorageError) {
        guard let mount = mount(above: place), case .bind(let bind)? = mounts[mount], bind.isReadOnly else { return }
        throw StorageError(
            .failedPrecondition, "\(displayed(place)) is in a read-only mount",
            cause: .systemCall("mkdirat", errno: 30, text: "Read-only file system"))
    }
}
