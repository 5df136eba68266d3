// SPDX-License-Identifier: Apache-2.0

/// What a host says of itself, and its services.
public protocol SystemOperations: Sendable {
    /// The serial number that the maker of the machine, or of the virtual machine, gave it; blanks within are kept.
    /// ``StorageError/Code/unsupported`` where its firmware gives none.
    ///
    /// Source: SMBIOS reference specification (DMTF DSP0134), system information, serial number.
    func biosSerialNumber() async throws(StorageError) -> String

    func service(_ name: ServiceName) async throws(StorageError) -> HostService

    /// The services that a start or a stop of `name` changes: the service by its own name, whatever alias `name` is, and
    /// with `dependents` what ``stopService(_:force:)`` stops along by force. For who judges a call before it is made; of a
    /// service that nobody may change it is ``StorageError/Code/denied``, as the call would be.
    func servicesChanged(with name: ServiceName, dependents: Bool) async throws(StorageError) -> [ServiceName]

    /// Starts the service and waits until it runs. One that runs already is success.
    ///
    /// ``StorageError/Code/denied`` where ``HostSettings/changeableServices`` does not name it,
    /// ``StorageError/Code/failedPrecondition`` where it cannot be started as the host is set up, and
    /// ``StorageError/Code/internalError`` where it fails.
    func startService(_ name: ServiceName) async throws(StorageError)

    /// Stops the service and waits until it has stopped. One that does not run is success.
    ///
    /// - Parameter force: stops what runs and depends on it first, the outermost first. Without, there being any is
    ///   ``StorageError/Code/failedPrecondition``. Each has to be changeable as well, or nothing is stopped.
    func stopService(_ name: ServiceName, force: Bool) async throws(StorageError)
}
