// SPDX-License-Identifier: Apache-2.0

import CLibSystemd
import HostStorage

extension StorageError {
    /// The error of a failed call over D-Bus, by the error's name where there is one.
    ///
    /// Source: systemd's src/libsystemd/sd-bus/bus-common-errors.h and the D-Bus specification's standard errors.
    init(_ error: sd_bus_error, errno code: Int32, _ call: String, _ subject: String) {
        guard let name = error.name.map({ String(cString: $0) }) else {
            self.init(errno: code, call, subject)
            return
        }
        let message = error.message.map { String(cString: $0) } ?? ""
        let (kind, detail): (Code, String) =
            switch name {
            case "org.freedesktop.systemd1.NoSuchUnit": (.notFound, "there is no such service")
            case "org.freedesktop.systemd1.UnitMasked": (.failedPrecondition, "it is masked")
            case "org.freedesktop.systemd1.OnlyByDependency":
                (.failedPrecondition, "it starts and stops with others alone")
            case "org.freedesktop.systemd1.TransactionIsDestructive", "org.freedesktop.systemd1.ShuttingDown":
                (.failedPrecondition, "something else is under way with it that systemd does not give up")
            case "org.freedesktop.systemd1.BadUnitSetting", "org.freedesktop.systemd1.LoadFailed",
                "org.freedesktop.systemd1.TransactionJobsConflicting",
                "org.freedesktop.systemd1.TransactionOrderIsCyclic", "org.freedesktop.systemd1.JobTypeNotApplicable":
                (.failedPrecondition, "it cannot be as it is set up")
            case "org.freedesktop.DBus.Error.AccessDenied",
                "org.freedesktop.DBus.Error.InteractiveAuthorizationRequired":
                (.denied, "systemd does not permit it to this process")
            case "org.freedesktop.DBus.Error.ServiceUnknown", "org.freedesktop.DBus.Error.NameHasNoOwner":
                (.unsupported, "this host has no systemd: its name has no owner on the bus")
            case "org.freedesktop.DBus.Error.NoReply", "org.freedesktop.DBus.Error.Timeout":
                (.unavailable, "systemd does not answer")
            // A bus that would start systemd by itself, and cannot.
            case _ where name.hasPrefix("org.freedesktop.DBus.Error.Spawn."):
                (.unsupported, "this host has no systemd: its name has no owner on the bus")
            default: (.internalError, "systemd refused it")
            }
        self.init(
            kind, detail, subject: subject,
            cause: .systemCall(call, errno: code, text: message.isEmpty ? name : "\(name): \(message)"))
    }
}
