//! The codes of configuration, HT0101 to HT0123, with their long texts.

use crate::diagnostic::{Code, CodeInfo};

/// No project, or no `haute.toml` in it.
pub(super) const FILE_MISSING: Code = Code::new("HT0101");
/// A file that is not plain UTF-8 text or cannot be read.
pub(super) const NOT_TEXT: Code = Code::new("HT0102");
/// A file that is not TOML.
pub(super) const SYNTAX: Code = Code::new("HT0103");
/// A table that nothing reads.
pub(super) const UNKNOWN_TABLE: Code = Code::new("HT0104");
/// A key that nothing reads.
pub(super) const UNKNOWN_KEY: Code = Code::new("HT0105");
/// A value of the wrong type.
pub(super) const WRONG_TYPE: Code = Code::new("HT0106");
/// A value out of its range.
pub(super) const OUT_OF_RANGE: Code = Code::new("HT0107");
/// A target nobody has heard of.
pub(super) const UNKNOWN_TARGET: Code = Code::new("HT0108");
/// A target this program cannot deploy to.
pub(super) const TARGET_NOT_HERE: Code = Code::new("HT0109");
/// A model name that cannot be part of an image name or an address.
pub(super) const MODEL_NAME: Code = Code::new("HT0110");
/// A base image that is no image name.
pub(super) const BASE_IMAGE: Code = Code::new("HT0111");
/// A base image that floats.
pub(super) const FLOATING_IMAGE: Code = Code::new("HT0112");
/// A pipeline file outside of the project.
pub(super) const PIPELINE_OUTSIDE: Code = Code::new("HT0113");
/// No pipeline file.
pub(super) const PIPELINE_MISSING: Code = Code::new("HT0114");
/// A file that is not a pipeline.
pub(super) const NOT_A_PIPELINE: Code = Code::new("HT0115");
/// Output fields that cannot be served.
pub(super) const OUTPUT_FIELDS: Code = Code::new("HT0116");
/// A value that looks like a secret.
pub(super) const SECRET: Code = Code::new("HT0117");
/// A key that is set twice.
pub(super) const DUPLICATE_KEY: Code = Code::new("HT0118");
/// A `HAUTE_` variable that does not do what it seems to.
pub(super) const VARIABLE: Code = Code::new("HT0119");
/// No overlay of the name that was asked for.
pub(super) const OVERLAY: Code = Code::new("HT0120");
/// A line of `.env` that cannot be read.
pub(super) const DOTENV: Code = Code::new("HT0121");
/// A key or target of an old Haute.
pub(super) const RETIRED: Code = Code::new("HT0122");
/// A key that must be there is not.
pub(super) const MISSING_KEY: Code = Code::new("HT0123");

const fn info(code: Code, title: &'static str, explain: &'static str) -> CodeInfo {
    CodeInfo { code, title, explain }
}

/// Every code of configuration.
pub const CODES: &[CodeInfo] = &[
    info(
        FILE_MISSING,
        "no haute.toml",
        "A Haute project is a directory with a file named `haute.toml`. It says which file is the pipeline, what the \
model is called and where it is deployed to, so nothing can be checked or released without it. Directories above are \
not searched: a deploy must not pick up another project by accident.\n\n\
Go to the project, or name it:\n\n    haute-cli check --project pricing/motor\n\n\
The smallest file is:\n\n    [project]\n    name = \"motor\"\n    pipeline = \"rating/main.py\"",
    ),
    info(
        NOT_TEXT,
        "the file is not plain UTF-8 text",
        "`haute.toml`, its overlay and `.env` are UTF-8 text without a byte order mark. Another encoding would make a \
name in the file another name for the program that reads it; Haute replaces the bytes it cannot read and goes on, so \
that a column called `Präz` is silently another column.\n\n\
Open the file in an editor and save it as UTF-8 (not \"UTF-8 with BOM\", not UTF-16). From Windows-1252:\n\n    \
iconv -f WINDOWS-1252 -t UTF-8 haute.toml > new && mv new haute.toml",
    ),
    info(
        SYNTAX,
        "the file is not TOML",
        "The file does not follow TOML, so that what it says is not certain. Every place the parser could find is \
reported at once; other findings on the same lines are left out because they usually follow from it.\n\n\
Strings need quotes, arrays and tables need to be closed, and each key stands on a line of its own:\n\n    [deploy]\n    \
target = \"container\"\n    output_fields = [\"premium\", \"band\"]\n\n\
A file of more than 1 MiB, or tables nested deeper than any configuration has, are refused with the same code.",
    ),
    info(
        UNKNOWN_TABLE,
        "unknown table",
        "Nothing reads this table. A table with a misspelt name is ignored as a whole, and its values silently stay at \
their defaults: another region, another image, other limits than the ones written down. Haute 0.2 and later refuse the \
file too.\n\n    [deploy.aws_ecs]     # unknown\n    [deploy.aws-ecs]     # right\n\n\
A table below `[deploy]` may belong to a target this program was built without; then use a program that has the target, \
or move the table to an overlay (`haute.<env>.toml`) that only that program reads.",
    ),
    info(
        UNKNOWN_KEY,
        "unknown key",
        "Nothing reads this key. A misspelt key has no effect, and its value silently stays at the default. Haute 0.2 and \
later refuse the file too.\n\n    [deploy]\n    model_nmae = \"motor\"   # unknown\n    model_name = \"motor\"   # \
right\n\n\
Keys of this project that Haute does not know (`[deploy.serving]`, `[deploy.build]`, `[deploy.local]`, and `builder`, \
`compression`, `leave_out_unused`, `keep`, `latest_tag`, `insecure_registries` and `prove_in` of `[deploy.container]`) are accepted in \
`haute.toml`, but Haute's own commands then refuse the file: put them into an overlay, `haute.<env>.toml`.",
    ),
    info(
        WRONG_TYPE,
        "value of the wrong type",
        "The value has another type than the key takes. Haute does not look at types when it reads the file, so that \
`port = \"eighty\"` passes its dry run and fails in the built image; here it is found before anything is built.\n\n    \
[deploy.container]\n    port = \"8080\"   # a string\n    port = 8080     # a whole number",
    ),
    info(
        OUT_OF_RANGE,
        "value out of range",
        "The value has the right type but cannot work: a port beyond 65535, a limit of zero that would refuse every quote, \
an architecture no release is made for, a tag no registry takes. The message names what is accepted.\n\n    [deploy.serving]\n    \
row_limit = 0        # refuses everything\n    row_limit = 10000",
    ),
    info(
        UNKNOWN_TARGET,
        "unknown target",
        "`target` names the place the price is served from. A name that is no target means that a deploy would stop late, \
or go somewhere else than meant. Haute checks the name after everything else, and not at all in a dry run.\n\n    \
[deploy]\n    target = \"aws-esc\"   # unknown\n    target = \"aws-ecs\"   # right\n\n\
The name may come from the file, from the variable `HAUTE_TARGET` or from `--target`; the report says which.",
    ),
    info(
        TARGET_NOT_HERE,
        "this program cannot deploy to the target",
        "The target exists, but this program was built without it. Checking, building and proving work all the same; \
deploying needs a program that has the target, or another target:\n\n    haute-cli deploy --target local",
    ),
    info(
        MODEL_NAME,
        "the model's name has characters it cannot have",
        "The name becomes part of image names, directories and addresses, so it has letters, digits, `-` and `_` only. \
Haute looks at the name when it builds the image, after a dry run has passed. Where `model_name` is not set, the \
project's name is taken, and where that is not set, the name of the pipeline file.\n\n    [project]\n    \
name = \"Motor Pricing\"\n\n    [deploy]\n    model_name = \"motor-pricing\"",
    ),
    info(
        BASE_IMAGE,
        "the base image is no image name",
        "The base image is written into a Dockerfile. A character that no image name has would end up in a command, or \
make it build from something else.\n\n    [deploy.container]\n    base_image = \"python:3.11.9-slim\"",
    ),
    info(
        FLOATING_IMAGE,
        "the base image floats",
        "A tag such as `python:3.11-slim` names another image after every update of its publisher, so that the image \
proven today and the one built tomorrow differ. Haute 0.5 and later refuse it for container targets. Here it loads, and \
is resolved to a digest when the release is built; the release records the digest. With `--frozen` nothing may be \
resolved, and a floating image is an error.\n\n    [deploy.container]\n    base_image = \"python:3.11-slim\"     # floats\n    \
base_image = \"python:3.11.9-slim\"   # pinned\n    base_image = \"python@sha256:<64 hex digits>\"",
    ),
    info(
        PIPELINE_OUTSIDE,
        "the pipeline is outside of the project",
        "A release holds files of the project and nothing else, so that the same commit gives the same release on every \
machine. A pipeline reached by an absolute path, by `..` or through a link out of the project is not part of the \
commit: somebody else's checkout has another one, or none.\n\n    [project]\n    pipeline = \"../shared/main.py\"   # \
outside\n    pipeline = \"rating/main.py\"      # inside",
    ),
    info(
        PIPELINE_MISSING,
        "no pipeline file",
        "The pipeline file is not there. Where `pipeline` is not set, `main.py` beside `haute.toml` is taken, else the only \
`.py` file there that makes a pipeline, else `pipelines/main.py` (the place of Haute 0.1.0). Several candidates are \
never guessed between.\n\n    [project]\n    pipeline = \"rating/main.py\"",
    ),
    info(
        NOT_A_PIPELINE,
        "the file is not a pipeline",
        "A pipeline file is a `.py` file whose text has `haute.Pipeline` in it; `__init__.py`, `setup.py` and \
`conftest.py` never count. Haute looks for the same text, so `from haute import Pipeline` is not found by it \
either.\n\n    import haute\n\n    pipeline = haute.Pipeline(\"motor\")",
    ),
    info(
        OUTPUT_FIELDS,
        "output_fields cannot be served",
        "`output_fields` names the columns of the answer that callers see, in order. An empty list would serve nothing; \
an empty name or one given twice cannot be a column of JSON. To serve every column, remove the key.\n\n    [deploy]\n    \
output_fields = [\"premium\", \"band\"]",
    ),
    info(
        SECRET,
        "a value looks like a secret",
        "A key, token or password in a file of the project is in every clone, in the history, and may reach an image \
layer or a log. The value is never repeated by this program: it is masked in reports.\n\n\
If it was ever committed, revoke it first; taking it out of the file does not take it out of the history. Then give it \
to the process as an environment variable (a CI secret), or keep it in `.env`, which is not committed.\n\n    \
[deploy.container]\n    registry = \"https://ci:password@registry.example\"   # a password\n    \
registry = \"registry.example\"                       # sign in with `docker login`",
    ),
    info(
        DUPLICATE_KEY,
        "a key is set twice",
        "TOML has no rule for which of two equal keys counts, and readers differ. Which price limits or which image was \
meant cannot be known, so the file is refused.\n\n    [deploy]\n    target = \"container\"\n    target = \"aws-ecs\"   # \
remove one",
    ),
    info(
        VARIABLE,
        "a HAUTE_ variable does not do what it seems to",
        "Variables override `haute.toml`: `HAUTE_MODEL_NAME`, `HAUTE_ENDPOINT_NAME`, `HAUTE_TARGET`, \
`HAUTE_SERVING_WORKLOAD_SIZE`, `HAUTE_SERVING_SCALE_TO_ZERO`. A misspelt name overrides nothing. For the last one \
`true`, `1` and `yes` (any case) mean true and everything else means false, as in Haute: `on` means false.\n\n    \
HAUTE_SERVING_SCALE_TO_ZERO=on     # false!\n    HAUTE_SERVING_SCALE_TO_ZERO=true",
    ),
    info(
        OVERLAY,
        "no such overlay",
        "`--env staging` lays `haute.staging.toml` over `haute.toml`. Going on without it would deploy with the settings \
of another environment, so a missing file is an error. The name has letters, digits, `-` and `_` only; it is never a \
path.\n\n    # haute.staging.toml\n    [deploy.aws-ecs]\n    service = \"motor-staging\"",
    ),
    info(
        DOTENV,
        "a line of .env cannot be read",
        "`.env` is read as python-dotenv reads it, because Haute does. A line it cannot read is skipped, so that a \
variable on it is not set; usually a quote is not closed.\n\n    HAUTE_MODEL_NAME=\"motor   # the quote never closes\n    \
HAUTE_MODEL_NAME=\"motor\"",
    ),
    info(
        RETIRED,
        "of an old Haute, without effect",
        "Older versions of Haute wrote this into new projects, and no version since reads it. It loads, so that an old \
project can be released as it is, but it does nothing: in particular the old price-change limits of `[safety]` do not \
guard anything. Haute 0.2 and later refuse a file with such keys.\n\n    [safety]\n    \
max_single_quote_change_pct = 25   # remove",
    ),
    info(
        MISSING_KEY,
        "a key is missing",
        "The table lacks a key that has no default, because a guess could deploy to the wrong place. The message names \
the key.\n\n    [deploy.my-target]\n    cluster = \"pricing\"",
    ),
];
