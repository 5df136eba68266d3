// SPDX-License-Identifier: Apache-2.0

import HostStorage
import HostStorageAPI
import SwiftProtobuf

/// The volume group's methods for mounts at a path, from v2 on.
enum MountRows {
    static let all = [targetState, targetStats, bindMount, unmountTarget, cleanUpTarget]

    private static let targetState = WireRow(
        "GetTargetState",
        operation: { (request: V2_GetTargetStateRequest) in
            StateOfTarget(path: VolumeRows.target(request.targetPath))
        },
        response: { V2_GetTargetStateResponse($0) },
        request: { operation in .with { $0.targetPath = operation.path.text } },
        answer: { try TargetState($0) })

    private static let targetStats = WireRow(
        "GetTargetStats",
        operation: { (request: V2_GetTargetStatsRequest) in
            StatsOfTarget(path: VolumeRows.target(request.targetPath))
        },
        response: { V2_GetTargetStatsResponse($0) },
        request: { operation in .with { $0.targetPath = operation.path.text } },
        answer: { TargetStats($0) })

    private static let bindMount = WireRow(
        "BindMount",
        operation: { (request: V2_BindMountRequest) in
            BindMount(
                source: try BindSource(request.source), target: VolumeRows.target(request.targetPath),
                options: BindOptions(
                    isReadOnly: request.readOnly, isRecursive: request.recursive,
                    propagation: try MountPropagation(request.propagation)))
        },
        response: { mount in V2_BindMountResponse.with { $0.mount = V2_MountState(mount) } },
        request: { operation in
            let propagation = try V2_MountPropagation(operation.options.propagation)
            let source: V2_BindMountRequest.OneOf_Source
            switch operation.source {
            case .path(let path): source = .sourcePath(path.text)
            case .disk(let disk): source = .diskNumber(disk.rawValue)
            case .volume(let volume): source = .volumeID("\(volume)")
            @unknown default: throw unsaid("mount \(operation.source)")
            }
            return .with {
                $0.source = source
                $0.targetPath = operation.target.text
                $0.readOnly = operation.options.isReadOnly
                $0.recursive = operation.options.isRecursive
                $0.propagation = propagation
            }
        },
        answer: { try MountState($0.mount) })

    private static let unmountTarget = WireRow(
        "UnmountTarget",
        operation: { (request: V2_UnmountTargetRequest) in
            UnmountTarget(
                path: VolumeRows.target(request.targetPath), escalation: try UnmountEscalation(request.escalation),
                patience: .milliseconds(request.patienceMs))
        },
        response: { done in V2_UnmountTargetResponse.with { $0.result = V2_UnmountResult(done) } },
        request: { operation in
            let escalation = try V2_UnmountEscalation(operation.escalation)
            return .with {
                $0.targetPath = operation.path.text
                $0.escalation = escalation
                $0.patienceMs = Int64(operation.patience / .milliseconds(1))
            }
        },
        answer: { try TargetUnmount($0.result) })

    private static let cleanUpTarget = WireRow(
        "CleanupTarget",
        operation: { (request: V2_CleanupTargetRequest) in
            CleanUpTarget(
                path: VolumeRows.target(request.targetPath), escalation: try UnmountEscalation(request.escalation),
                patience: .milliseconds(request.patienceMs))
        },
        response: { done in V2_CleanupTargetResponse.with { $0.result = V2_UnmountResult(done) } },
        request: { operation in
            let escalation = try V2_UnmountEscalation(operation.escalation)
            return .with {
                $0.targetPath = operation.path.text
                $0.escalation = escalation
                $0.patienceMs = Int64(operation.patience / .milliseconds(1))
            }
        },
        answer: { try TargetUnmount($0.result) })
}

/// The error for a value that a newer peer has sent.
private func unknown(_ what: String, _ value: some Any) -> StorageError {
    StorageError(.invalidArgument, "\(what) \(value) is not one that this version knows")
}

extension V2_GetTargetStateResponse {
    fileprivate init(_ target: TargetState) {
        self.init()
        switch target {
        case .absent: state = .absent
        case .directory: state = .directory
        case .file: state = .file
        case .link(let text): (state, link) = (.link, text)
        case .special: state = .special
        case .mounted: state = .mounted
        case .dead(_, let text): (state, reason) = (.dead, text)
        case .silent: state = .silent
        @unknown default: state = .unknown
        }
        if let mount = target.mount { self.mount = V2_MountState(mount) }
    }
}

extension TargetState {
    fileprivate init(_ response: V2_GetTargetStateResponse) throws {
        switch response.state {
        case .absent: self = .absent
        case .directory: self = .directory
        case .file: self = .file
        case .link: self = .link(to: response.link)
        case .special: self = .special
        case .mounted: self = .mounted(try MountState(response.mount))
        case .dead: self = .dead(try MountState(response.mount), reason: response.reason)
        case .silent: self = .silent(try MountState(response.mount))
        case .unknown, .UNRECOGNIZED: throw unknown("the state", response.state)
        }
    }
}

extension V2_MountState {
    init(_ mount: MountState) {
        self.init()
        source = mount.source
        type = mount.type
        root = mount.root
        options = mount.options
        readOnly = mount.isReadOnly
        id = mount.id
        volumeID = mount.volume.map { "\($0)" } ?? ""
        diskNumber = mount.disk?.rawValue ?? 0
    }
}

extension MountState {
    init(_ mount: V2_MountState) throws {
        self.init(
            source: mount.source, type: mount.type, root: mount.root, options: mount.options,
            isReadOnly: mount.readOnly, id: mount.id,
            volume: mount.volumeID.isEmpty ? nil : try VolumeID(mount.volumeID),
            disk: mount.diskNumber == 0 ? nil : DiskNumber(mount.diskNumber))
    }
}

extension BindSource<CallerPath> {
    fileprivate init(_ source: V2_BindMountRequest.OneOf_Source?) throws {
        switch source {
        case .sourcePath(let path): self = .path(VolumeRows.target(path))
        case .diskNumber(let number): self = .disk(DiskNumber(number))
        case .volumeID(let text): self = .volume(try VolumeID(text))
        case nil: throw StorageError(.invalidArgument, "the request names no source")
        }
    }
}

extension MountPropagation {
    fileprivate init(_ propagation: V2_MountPropagation) throws {
        switch propagation {
        case .propagationKept: self = .kept
        case .propagationPrivate: self = .private
        case .propagationSlave: self = .slave
        case .propagationShared: self = .shared
        case .UNRECOGNIZED(let number): throw unknown("the propagation", number)
        }
    }
}

extension V2_MountPropagation {
    fileprivate init(_ propagation: MountPropagation) throws {
        switch propagation {
        case .kept: self = .propagationKept
        case .private: self = .propagationPrivate
        case .slave: self = .propagationSlave
        case .shared: self = .propagationShared
        @unknown default: throw unsaid("mount with propagation \(propagation)")
        }
    }
}

extension UnmountEscalation {
    fileprivate init(_ escalation: V2_UnmountEscalation) throws {
        switch escalation {
        case .escalationNone: self = .none
        case .escalationForce: self = .force
        case .escalationDetach: self = .detach
        case .UNRECOGNIZED(let number): throw unknown("the escalation", number)
        }
    }
}

extension V2_UnmountEscalation {
    fileprivate init(_ escalation: UnmountEscalation) throws {
        switch escalation {
        case .none: self = .escalationNone
        case .force: self = .escalationForce
        case .detach: self = .escalationDetach
        @unknown default: throw unsaid("unmount with escalation \(escalation)")
        }
    }
}

extension V2_UnmountResult {
    fileprivate init(_ done: TargetUnmount) {
        self.init()
        unmounted = UInt32(done.unmounted)
        detached = done.wasDetached
        loss = done.loss ?? ""
        switch done.outcome {
        case .released: released = true
        case .stillHeld(let found): (released, holders) = (false, found.map { .init($0) })
        case .unknown: break
        @unknown default: break
        }
    }
}

extension TargetUnmount {
    fileprivate init(_ result: V2_UnmountResult) throws {
        self.init(
            unmounted: Int(result.unmounted), wasDetached: result.detached,
            loss: result.loss.isEmpty ? nil : result.loss,
            outcome: UnmountOutcome(result))
    }
}

extension UnmountOutcome {
    fileprivate init(_ result: V2_UnmountResult) {
        guard result.hasReleased else {
            self = .unknown
            return
        }
        self = result.released ? .released : .stillHeld(by: result.holders.compactMap { HostStorage.Holder($0) })
    }
}

extension V2_GetTargetStatsResponse {
    fileprivate init(_ stats: TargetStats) {
        self.init()
        switch stats {
        case .filesystem(let bytes, let inodes):
            self.bytes = V2_Capacity(bytes)
            if let inodes { self.inodes = V2_Capacity(inodes) }
        case .device(let size): deviceBytes = size
        @unknown default: break
        }
    }
}

extension TargetStats {
    fileprivate init(_ response: V2_GetTargetStatsResponse) {
        guard response.hasBytes else {
            self = .device(size: response.deviceBytes)
            return
        }
        self = .filesystem(
            bytes: Capacity(response.bytes), inodes: response.hasInodes ? Capacity(response.inodes) : nil)
    }
}

extension V2_Capacity {
    fileprivate init(_ capacity: Capacity) {
        self.init()
        (total, used, available) = (capacity.total, capacity.used, capacity.available)
    }
}

extension Capacity {
    fileprivate init(_ capacity: V2_Capacity) {
        self.init(total: capacity.total, used: capacity.used, available: capacity.available)
    }
}
