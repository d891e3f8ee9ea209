//! The classic builder, which every engine has.

use bollard::query_parameters::BuildImageOptions;

/// What the classic builder is asked beside the common part.
pub(super) fn complete(options: &mut BuildImageOptions) {
    // It makes a container for each instruction, though none is started here.
    options.rm = true;
    options.forcerm = true;
}
