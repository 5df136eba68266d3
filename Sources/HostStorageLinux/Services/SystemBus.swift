// SPDX-License-Identifier: Apache-2.0

import CLibSystemd
import Glibc
import HostStorage

/// A connection to systemd over the machine's D-Bus, for one call of a backend on one thread.
struct SystemBus: ~Copyable {
    private let bus: OpaquePointer

    private init(_ bus: OpaquePointer) { self.bus = bus }

    deinit { _ = sd_bus_flush_close_unref(bus) }

    /// - Parameters:
    ///   - address: a D-Bus address, such as "unix:path=/run/dbus/system_bus_socket".
    ///   - receivesJobs: whether ``job(_:_:within:)`` is to be called.
    static func connection(to address: String, receivesJobs: Bool) throws(StorageError) -> SystemBus {
        let bus = SystemBus(try open(address))
        if receivesJobs { try bus.subscribeToJobs() }
        return bus
    }

    private static func open(_ address: String) throws(StorageError) -> OpaquePointer {
        var bus: OpaquePointer?
        try check(sd_bus_new(&bus), "sd_bus_new")
        guard let bus else { throw StorageError(.internalError, "sd_bus_new made no connection") }
        do throws(StorageError) {
            try check(sd_bus_set_address(bus, address), "sd_bus_set_address", address)
            try check(sd_bus_set_bus_client(bus, 1), "sd_bus_set_bus_client", address)
            let result = sd_bus_start(bus)
            guard result != -ENOENT, result != -ECONNREFUSED else {
                throw StorageError(.unsupported, "nothing listens at \(address): this host has no systemd, or no D-Bus")
            }
            try check(result, "sd_bus_start", address)
        } catch {
            sd_bus_unref(bus)
            throw error
        }
        return bus
    }

    static let systemd = "org.freedesktop.systemd1"
    static let manager = "/org/freedesktop/systemd1"

    // MARK: - Methods

    /// Calls a method of systemd's manager that takes strings; returns the path that it answers with, if it does.
    @discardableResult
    func callManager(_ method: String, _ arguments: String...) throws(StorageError) -> String? {
        try call(Self.systemd, Self.manager, "org.freedesktop.systemd1.Manager", method, arguments)
    }

    /// Calls a method without arguments of something that systemd has, such as a unit.
    func callObject(_ object: String, _ interface: String, _ method: String) throws(StorageError) {
        try call(Self.systemd, object, interface, method, [])
    }

    /// Calls a method, which has 25 s to answer.
    @discardableResult
    private func call(
        _ destination: String, _ object: String, _ interface: String, _ method: String, _ arguments: [String]
    ) throws(StorageError) -> String? {
        var request: OpaquePointer?
        try check(sd_bus_message_new_method_call(bus, &request, destination, object, interface, method), method)
        defer { sd_bus_message_unref(request) }
        // A bus without systemd would try to start one, and the caller would wait for nothing.
        try check(sd_bus_message_set_auto_start(request, 0), method)
        for argument in arguments {
            let result = argument.withCString { sd_bus_message_append_basic(request, Self.type("s"), $0) }
            try check(result, method, argument)
        }
        var reply: OpaquePointer?
        var error = sd_bus_error(name: nil, message: nil, _need_free: 0)
        defer { sd_bus_error_free(&error) }
        let result = sd_bus_call(bus, request, 0, &error, &reply)
        guard result >= 0 else { throw StorageError(error, errno: -result, method, arguments.first ?? "") }
        defer { sd_bus_message_unref(reply) }
        guard sd_bus_message_peek_type(reply, nil, nil) > 0 else { return nil }
        var path: UnsafePointer<CChar>?
        return sd_bus_message_read_basic(reply, Self.type("o"), &path) > 0 ? path.map { String(cString: $0) } : nil
    }

    // MARK: - Properties

    func text(_ property: String, of object: String, _ interface: String) throws(StorageError) -> String {
        var value: UnsafeMutablePointer<CChar>?
        defer { free(value) }
        var error = sd_bus_error(name: nil, message: nil, _need_free: 0)
        defer { sd_bus_error_free(&error) }
        let result = sd_bus_get_property_string(bus, Self.systemd, object, interface, property, &error, &value)
        guard result >= 0 else { throw StorageError(error, errno: -result, property, object) }
        return value.map { String(cString: $0) } ?? ""
    }

    func texts(_ property: String, of object: String, _ interface: String) throws(StorageError) -> [String] {
        var values: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?
        var error = sd_bus_error(name: nil, message: nil, _need_free: 0)
        defer { sd_bus_error_free(&error) }
        let result = sd_bus_get_property_strv(bus, Self.systemd, object, interface, property, &error, &values)
        guard result >= 0 else { throw StorageError(error, errno: -result, property, object) }
        defer { free(values) }
        var texts: [String] = []
        var next = values
        // The list ends with a null pointer.
        while let place = next, let text = place.pointee {
            texts.append(String(cString: text))
            free(text)
            next = place + 1
        }
        return texts
    }

    func flag(_ property: String, of object: String, _ interface: String) throws(StorageError) -> Bool {
        var value: Int32 = 0
        var error = sd_bus_error(name: nil, message: nil, _need_free: 0)
        defer { sd_bus_error_free(&error) }
        let result = sd_bus_get_property_trivial(
            bus, Self.systemd, object, interface, property, &error, Self.type("b"), &value)
        guard result >= 0 else { throw StorageError(error, errno: -result, property, object) }
        return value != 0
    }

    // MARK: - Jobs

    /// Once a connection, for systemd refuses a second subscription, and before the first job, whose end would else be
    /// missed.
    private func subscribeToJobs() throws(StorageError) {
        try call(
            "org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus", "AddMatch",
            [
                """
                type='signal',sender='\(Self.systemd)',path='\(Self.manager)',\
                interface='org.freedesktop.systemd1.Manager',member='JobRemoved'
                """
            ])
        try callManager("Subscribe")
    }

    /// Has a job done and waits until it has ended. Returns the result in systemd's words: "done", "failed",
    /// "dependency", …
    ///
    /// - Parameter limit: how long; after that ``StorageError/Code/deadlineExceeded``. The job goes on, and a repeated
    ///   call waits for it again.
    func job(_ method: String, _ unit: String, within limit: Duration) throws(StorageError) -> String {
        guard let job = try callManager(method, unit, "replace") else {
            throw StorageError(.internalError, "systemd named no job", subject: unit)
        }
        let deadline = ContinuousClock.now + limit
        while true {
            var message: OpaquePointer?
            let result = sd_bus_process(bus, &message)
            defer { sd_bus_message_unref(message) }
            if let end = Self.end(of: job, in: message) { return end }
            guard result >= 0, sd_bus_is_open(bus) > 0 else {
                throw StorageError(
                    .unavailable, "the connection to systemd has ended; what was begun may go on", subject: unit,
                    cause: .systemCall(
                        "sd_bus_process", errno: -result, text: String(cString: strerror(-result))))
            }
            let left = ContinuousClock.now.duration(to: deadline)
            guard left > .zero else {
                let number = job.split(separator: "/").last ?? ""
                throw StorageError(
                    .deadlineExceeded, "systemd's job \(number) (\(method)) has not ended within \(limit), and goes on",
                    subject: unit)
            }
            if result == 0 { _ = sd_bus_wait(bus, UInt64(left / .microseconds(1))) }
        }
    }

    /// The result of a job in a JobRemoved signal (u id, o job, s unit, s result); nil for other messages and jobs.
    private static func end(of job: String, in message: OpaquePointer?) -> String? {
        guard let message,
            sd_bus_message_is_signal(message, "org.freedesktop.systemd1.Manager", "JobRemoved") > 0
        else { return nil }
        var id: UInt32 = 0
        var path: UnsafePointer<CChar>?
        var unit: UnsafePointer<CChar>?
        var result: UnsafePointer<CChar>?
        guard sd_bus_message_read_basic(message, type("u"), &id) > 0,
            sd_bus_message_read_basic(message, type("o"), &path) > 0,
            sd_bus_message_read_basic(message, type("s"), &unit) > 0,
            sd_bus_message_read_basic(message, type("s"), &result) > 0,
            let path, let result, String(cString: path) == job
        else { return nil }
        return String(cString: result)
    }

    /// D-Bus names types by letters.
    private static func type(_ letter: Unicode.Scalar) -> CChar { CChar(letter.value) }
}
