package dev.img2imu.core

/** A mistake in the input. The message is one sentence that can be shown to the user. */
open class UserError(
    message: String,
) : Exception(message)

/** A model file that is not img2imu's, is damaged, or holds a contract that this version cannot use. */
class ContractError(
    message: String,
) : UserError(message)

/** A stream of samples that breaks the model's contract: rate, units, axes, NaN. */
class StreamError(
    message: String,
) : UserError(message)

/** Recordings or taught windows that nothing can be learnt from. */
class DataError(
    message: String,
) : UserError(message)

/** A file that cannot be written: no permission, a full disk. */
class OutputError(
    message: String,
) : UserError(message)
