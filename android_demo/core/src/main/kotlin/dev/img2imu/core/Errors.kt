package dev.img2imu.core

/** A mistake in the input; the message is one sentence fit to be shown as it is. */
open class UserError(
    message: String,
) : Exception(message)

/** A model file that is not one of ours, is damaged, or holds a contract this version cannot honour. */
class ContractError(
    message: String,
) : UserError(message)

/** A stream of samples that breaks the model's contract: rate, units, axes, NaN. */
class StreamError(
    message: String,
) : UserError(message)

/** Recordings or taught windows that cannot be learnt from. */
class DataError(
    message: String,
) : UserError(message)

/** A file that cannot be written: no permission, a full disk. */
class OutputError(
    message: String,
) : UserError(message)
