//! Projects with mistakes, one each: every one gets its own clear error, and nothing panics.

use super::testing::Sample;

const MAIN: &str = "rating/main.py";
const QUOTE: &str = "rating/config/quote_input/quote.json";
const PRICE: &str = "rating/config/quote_response/price.json";

fn main_with(from: &str, to: &str) -> Sample {
    Sample::valid().replace(MAIN, from, to)
}

fn appended(text: &str) -> Sample {
    Sample::valid().append(MAIN, text)
}

/// Each project with the code of the error it must give.
fn projects() -> Vec<(&'static str, Sample, &'static str)> {
    let decorated = |decorator: &str| main_with("@pipeline.polars", decorator);
    vec![
        ("an empty file", Sample::valid().write(MAIN, ""), "HT0203"),
        ("no file at all", Sample::valid().remove(MAIN), "HT0202"),
        ("not UTF-8", Sample::valid().bytes(MAIN, b"\xff\xfe\x00"), "HT0202"),
        ("a NUL in the source", appended("\n\0\n"), "HT0201"),
        ("only a bracket", Sample::valid().write(MAIN, "("), "HT0201"),
        ("ten thousand brackets", appended(&"(".repeat(10_000)), "HT0201"),
        ("ten thousand nots", appended(&format!("x = {}1\n", "not ".repeat(10_000))), "HT0201"),
        ("an endless sum", appended(&format!("x = 1{}\n", "+1".repeat(50_000))), "HT0201"),
        ("an endless chain", appended(&format!("pipeline{}\n", ".a".repeat(50_000))), "HT0201"),
        ("a deep f-string", appended(&format!("x = f'{{{}1}}'\n", "(".repeat(5_000))), "HT0201"),
        (
            "merge conflict marks",
            appended("\n<<<<<<< HEAD\nx = 1\n=======\nx = 2\n>>>>>>> other\n"),
            "HT0201",
        ),
        ("a dedent that fits nothing", appended("\nif x:\n        a = 1\n    b = 2\n"), "HT0201"),
        ("an open string", appended("\nx = 'abc\n"), "HT0201"),
        ("Python 2", appended("\nprint 'hello'\n"), "HT0201"),
        ("a name of another case", main_with("pipeline = haute", "Pipeline = haute"), "HT0204"),
        ("a made pipeline", main_with("haute.Pipeline(\"motor\")", "make_pipeline(\"motor\")"), "HT0204"),
        ("two pipelines", appended("\npipeline = haute.Pipeline(\"b\")\n"), "HT0203"),
        ("a computed name", main_with("haute.Pipeline(\"motor\")", "haute.Pipeline(NAME)"), "HT0209"),
        ("connect in a loop", appended("\nfor a in 'ab':\n    pipeline.connect(a, a)\n"), "HT0204"),
        ("connect in a function", appended("\ndef wire():\n    pipeline.connect('a', 'b')\n"), "HT0204"),
        ("connect in a comprehension", appended("\n[pipeline.connect(a, a) for a in 'ab']\n"), "HT0204"),
        (
            "a node under if",
            appended("\nif x:\n    @pipeline.polars\n    def a(priced):\n        return priced\n"),
            "HT0204",
        ),
        (
            "a node in a function",
            appended("\ndef f():\n    @pipeline.polars\n    def a(priced):\n        return priced\n"),
            "HT0204",
        ),
        (
            "a node in a class",
            appended("\nclass A:\n    @pipeline.polars\n    def a(self):\n        return self\n"),
            "HT0204",
        ),
        ("an alias", appended("\np = pipeline\n"), "HT0204"),
        ("a deleted pipeline", appended("\ndel pipeline\n"), "HT0204"),
        ("a run at import", appended("\npipeline.run(source='live')\n"), "HT0204"),
        ("a second decorator", main_with("@pipeline.polars", "@pipeline.polars\n@cache"), "HT0204"),
        ("no nodes", Sample::valid().write(MAIN, "import haute\npipeline = haute.Pipeline('a')\n"), "HT0205"),
        (
            "two nodes of one name",
            appended("\n@pipeline.polars\ndef priced(policy):\n    return policy\n"),
            "HT0206",
        ),
        ("a node called id", appended("\n@pipeline.polars\ndef id(priced):\n    return priced\n"), "HT0207"),
        ("a node called pl", appended("\n@pipeline.polars\ndef pl(priced):\n    return priced\n"), "HT0207"),
        ("bound constants", appended("\nglobal_constants = {}\n"), "HT0207"),
        ("an unknown decorator", decorated("@pipeline.polarss"), "HT0208"),
        ("decorator arguments from a variable", decorated("@pipeline.polars(inputMapping=M)"), "HT0209"),
        ("a positional decorator argument", decorated("@pipeline.polars('x')"), "HT0209"),
        ("a splat", decorated("@pipeline.polars(**x)"), "HT0209"),
        ("an f-string port", main_with("source_port=\"policy\"", "source_port=f\"policy\""), "HT0209"),
        ("connect with one name", appended("\npipeline.connect('quote')\n"), "HT0209"),
        ("connect with three names", appended("\npipeline.connect('quote', 'priced', 'policy')\n"), "HT0209"),
        ("connect of numbers", appended("\npipeline.connect(1, 2)\n"), "HT0209"),
        (
            "connect with another keyword",
            appended("\npipeline.connect('quote', 'priced', port='a')\n"),
            "HT0209",
        ),
        ("an async node", main_with("def priced", "async def priced"), "HT0210"),
        ("any number of inputs", main_with("policy: pl.LazyFrame", "*policy"), "HT0211"),
        (
            "an output with code",
            main_with("def price(priced): ...", "def price(priced):\n    return priced"),
            "HT0212",
        ),
        (
            "a transform without code",
            main_with("return policy.with_columns(premium=pl.col(\"age\") * 2.0)", "pass"),
            "HT0212",
        ),
        (
            "an early return",
            main_with("    return policy", "    if 1:\n        return policy\n    return policy"),
            "HT0213",
        ),
        (
            "no output",
            main_with(
                "@pipeline.output(config=\"config/quote_response/price.json\")\ndef price(priced): ...",
                "",
            ),
            "HT0220",
        ),
        (
            "a circle of one",
            main_with("def priced(policy: pl.LazyFrame)", "def priced(policy, other)")
                .append(MAIN, "\n@pipeline.polars\ndef other(priced):\n    return priced\n"),
            "HT0222",
        ),
        ("an edge to nowhere", appended("\npipeline.connect('priced', 'prize')\n"), "HT0223"),
        ("an edge from nowhere", appended("\npipeline.connect('quotes', 'priced')\n"), "HT0223"),
        ("an unknown table", main_with("source_port=\"policy\"", "source_port=\"driver\""), "HT0224"),
        ("no table", main_with(", source_port=\"policy\"", ""), "HT0224"),
        ("a parameter nothing feeds", main_with("policy: pl.LazyFrame", "policy, claims"), "HT0230"),
        (
            "an input nothing reads",
            main_with("(policy: pl.LazyFrame)", "()").replace(
                MAIN,
                "policy.with_columns",
                "pl.LazyFrame({}).with_columns",
            ),
            "HT0230",
        ),
        (
            "an output behind an output",
            appended("\n@pipeline.polars\ndef x(price):\n    return price\n"),
            "HT0233",
        ),
        ("an instance of nothing", appended("\n@pipeline.instance\ndef x(priced): ...\n"), "HT0234"),
        ("an instance of itself", appended("\n@pipeline.instance(of='x')\ndef x(priced): ...\n"), "HT0234"),
        ("a missing sidecar", Sample::valid().remove(PRICE), "HT0240"),
        ("an absolute sidecar", main_with("config/quote_response", "/config/quote_response"), "HT0240"),
        ("a sidecar that climbs out", main_with("config/quote_response", "../../x"), "HT0240"),
        ("a sidecar with a NUL", main_with("config/quote_response", "a\\0b"), "HT0240"),
        ("a sidecar called NUL", main_with("config/quote_response/price.json", "config/NUL.json"), "HT0240"),
        (
            "a sidecar that is a directory",
            Sample::valid().remove(PRICE).write("rating/config/quote_response/price.json/x", ""),
            "HT0240",
        ),
        ("an empty sidecar", Sample::valid().write(PRICE, ""), "HT0241"),
        ("a sidecar of another encoding", Sample::valid().bytes(PRICE, b"{\"a\": \"\xe9\"}"), "HT0241"),
        ("a list for a sidecar", Sample::valid().write(PRICE, "[]"), "HT0241"),
        ("a comment in a sidecar", Sample::valid().write(PRICE, "{} // x"), "HT0241"),
        ("a deep sidecar", Sample::valid().write(PRICE, &"[".repeat(100_000)), "HT0241"),
        ("a huge number", Sample::valid().write(PRICE, "{\"a\": 1e400}"), "HT0241"),
        ("a repeated key", Sample::valid().write(PRICE, "{\"a\": 1, \"a\": 2}"), "HT0242"),
        ("a misspelt setting", Sample::valid().replace(PRICE, "outputMapping", "output_mapping"), "HT0243"),
        ("a null mapping", Sample::valid().write(PRICE, "{\"outputMapping\": null}"), "HT0247"),
        ("nothing enabled", Sample::valid().replace(PRICE, "true", "false"), "HT0247"),
        ("columns of another type", Sample::valid().replace(QUOTE, "\"float\"", "\"decimal\""), "HT0249"),
        ("tables of text", Sample::valid().write(QUOTE, "{\"tables\": \"policy\"}"), "HT0249"),
        (
            "a settings argument",
            main_with(
                "@pipeline.output(config=\"config/quote_response/price.json\")",
                "@pipeline.output(outputFormat=\"json\")",
            ),
            "HT0252",
        ),
        ("a config number", main_with("config=\"config/quote_response/price.json\"", "config=1"), "HT0209"),
        ("rating tables that are numbers", Sample::with_rating("{\"tables\": [1]}"), "HT0244"),
        (
            "four factors",
            Sample::with_rating(
                "{\"tables\": [{\"factors\": [\"a\",\"b\",\"c\",\"d\"], \"outputColumn\": \"x\", \"entries\": [{\"a\":1,\"b\":1,\"c\":1,\"d\":1,\"value\":1}]}]}",
            ),
            "HT0244",
        ),
        (
            "a map of entries",
            Sample::with_rating(
                "{\"tables\": [{\"factors\": [\"a\"], \"outputColumn\": \"x\", \"entries\": {\"1\": 2}}]}",
            ),
            "HT0244",
        ),
        (
            "mixed breakpoints",
            Sample::with_banding(
                "{\"factors\": [{\"banding\": \"breakpoints\", \"column\": \"age\", \"outputColumn\": \"b\", \"rules\": {\"1\": \"a\", \"2024-01-01\": \"b\"}}]}",
            ),
            "HT0245",
        ),
        (
            "a model of unknown suffix",
            Sample::with_model("{\"sourceType\": \"file\", \"model_path\": \"m.docx\"}"),
            "HT0246",
        ),
        (
            "a model of NUL",
            Sample::with_model("{\"sourceType\": \"file\", \"model_path\": \"a\\u0000.cbm\"}"),
            "HT0261",
        ),
        (
            "an absolute model",
            Sample::with_model("{\"sourceType\": \"file\", \"model_path\": \"/m.cbm\"}"),
            "HT0261",
        ),
        (
            "a drive",
            Sample::with_model("{\"sourceType\": \"file\", \"model_path\": \"C:\\\\m.cbm\"}"),
            "HT0261",
        ),
        (
            "a device",
            Sample::with_model("{\"sourceType\": \"file\", \"model_path\": \"models/aux.cbm\"}"),
            "HT0261",
        ),
        (
            "a model that is not there",
            Sample::with_model("{\"sourceType\": \"file\", \"model_path\": \"m.cbm\"}"),
            "HT0260",
        ),
        (
            "a registered model",
            Sample::with_model("{\"sourceType\": \"registered\", \"registered_model\": \"m\"}"),
            "HT0263",
        ),
        (
            "project code",
            main_with("import haute\n", "import haute\nimport rates\n").write("rates.py", ""),
            "HT0264",
        ),
        ("a relative import", main_with("import haute\n", "import haute\nfrom . import rates\n"), "HT0264"),
        ("a missing utility", main_with("import haute\n", "import haute\nimport utility.x\n"), "HT0264"),
        (
            "a broken utility",
            main_with("import haute\n", "import haute\nimport utility\n")
                .write("rating/utility.py", "def f(:\n"),
            "HT0201",
        ),
        ("a missing submodel", appended("\npipeline.submodel('modules/a.py', 'a')\n"), "HT0265"),
        ("a submodel elsewhere", appended("\npipeline.submodel('../a.py', 'a')\n"), "HT0265"),
        (
            "an empty submodel",
            appended("\npipeline.submodel('a.py', 'a')\n").write("rating/a.py", ""),
            "HT0266",
        ),
        ("a submodel without a name", appended("\npipeline.submodel('a.py')\n"), "HT0266"),
        (
            "constants elsewhere",
            main_with("haute.Pipeline(\"motor\")", "haute.Pipeline(\"motor\", global_constants=\"x.json\")"),
            "HT0267",
        ),
        (
            "constants that are missing",
            main_with(
                "haute.Pipeline(\"motor\")",
                "haute.Pipeline(\"motor\", global_constants=\"config/global_constants.json\")",
            ),
            "HT0267",
        ),
        ("a constant nobody declared", main_with("* 2.0", "* global_constants.fee"), "HT0269"),
    ]
}

#[test]
fn every_hostile_project_gets_its_error() {
    let projects = projects();
    assert!(projects.len() >= 90);
    let mut wrong = Vec::new();
    for (name, sample, code) in projects {
        let found = sample.codes();
        if sample.passes() || !found.contains(&code) {
            wrong.push(format!("{name}: expected {code}, found {found:?}\n{}", sample.check()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn all_mistakes_are_found_in_one_run() {
    let sample = Sample::valid()
        .replace(MAIN, "def priced", "async def priced")
        .append(MAIN, "\npipeline.connect('priced', 'prize')\n")
        .replace(QUOTE, "\"float\"", "\"decimal\"")
        .write(PRICE, "{");
    assert_eq!(sample.codes(), ["HT0210", "HT0223", "HT0249", "HT0241"]);
}

mod properties {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use crate::lower::LoweredContent;
    use crate::pipeline::testing::Sample;

    /// A pipeline of `parents.len()` transforms; the last is priced.
    fn project(parents: &[Vec<usize>], order: &[usize]) -> Sample {
        let name = |index: usize| format!("step_{index}");
        let mut functions = Vec::new();
        for (index, parents) in parents.iter().enumerate() {
            let mut inputs: Vec<String> = parents
                .iter()
                .filter(|p| **p < index)
                .map(|p| name(*p))
                .collect::<BTreeSet<_>>()
                .into_iter()
                .collect();
            let mut connect = String::new();
            if inputs.is_empty() {
                inputs.push("policy".to_owned());
                connect =
                    format!("pipeline.connect(\"quote\", \"{}\", source_port=\"policy\")\n", name(index));
            }
            functions.push(format!(
                "\n\n@pipeline.polars\ndef {}({}):\n    return {}\n\n{connect}",
                name(index),
                inputs.join(", "),
                inputs[0]
            ));
        }
        let last = name(parents.len() - 1);
        let mut sample = Sample::valid()
            .replace("rating/main.py", "def priced(policy: pl.LazyFrame)", &format!("def priced({last})"))
            .replace("rating/main.py", "return policy", &format!("return {last}"))
            .replace(
                "rating/main.py",
                "pipeline.connect(\"quote\", \"priced\", source_port=\"policy\")\n",
                "",
            );
        for index in order {
            sample = sample.append("rating/main.py", &functions[*index]);
        }
        sample
    }

    fn graph() -> impl Strategy<Value = (Vec<Vec<usize>>, Vec<usize>)> {
        proptest::collection::vec(proptest::collection::vec(0_usize..8, 0..3), 1..8).prop_flat_map(
            |parents| {
                let order: Vec<usize> = (0..parents.len()).collect();
                (Just(parents), Just(order).prop_shuffle())
            },
        )
    }

    /// What the price of the last step needs, worked out from the parents alone.
    fn ancestors(parents: &[Vec<usize>]) -> BTreeSet<String> {
        let mut needed = BTreeSet::new();
        let mut open = vec![parents.len() - 1];
        while let Some(index) = open.pop() {
            if needed.insert(format!("step_{index}")) {
                open.extend(parents[index].iter().filter(|p| **p < index));
            }
        }
        needed.extend(["quote", "priced", "price"].map(str::to_owned));
        needed
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

        #[test]
        fn what_ships_is_what_the_price_needs((parents, order) in graph()) {
            let sorted: Vec<usize> = (0..parents.len()).collect();
            let shuffled = project(&parents, &order).lowered();
            let lowered = project(&parents, &sorted).lowered();
            let nodes: BTreeSet<String> = shuffled.nodes.iter().cloned().collect();
            prop_assert_eq!(&nodes, &ancestors(&parents));
            prop_assert_eq!(nodes, lowered.nodes.iter().cloned().collect());
            let text = |files: &std::collections::BTreeMap<String, LoweredContent>| match &files["project/rating/main.py"] {
                LoweredContent::Text(text) => text.clone(),
                LoweredContent::Copy(_) => String::new(),
            };
            prop_assert_eq!(text(&lowered.files), text(&project(&parents, &sorted).lowered().files));
            let connects = |text: &str| -> BTreeSet<String> {
                text.lines().filter(|line| line.starts_with("pipeline.connect")).map(str::to_owned).collect()
            };
            prop_assert_eq!(connects(&text(&lowered.files)), connects(&text(&shuffled.files)));
            for line in connects(&text(&lowered.files)) {
                prop_assert!(lowered.nodes.iter().any(|node| line.contains(&format!("\"{node}\""))), "{}", line);
            }
        }

        #[test]
        fn no_source_makes_it_panic(
            cuts in proptest::collection::vec((0_usize..600, 0_usize..40, "[()\\[\\]{}:=,.\"'@#\\\\ \n\ta-f0-9é*]{0,6}"), 1..5)
        ) {
            let mut text = Sample::valid().text("rating/main.py");
            for (start, length, insert) in cuts {
                let start = (0..=start.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
                let end = (start..=(start + length).min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(start);
                text.replace_range(start..end, &insert);
            }
            let sample = Sample::valid().write("rating/main.py", &text);
            let said = sample.check();
            prop_assert!(sample.passes() || said.contains("error["), "{}", said);
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            drop(Sample::valid().bytes("rating/main.py", &bytes).check());
            drop(Sample::valid().bytes("rating/config/quote_response/price.json", &bytes).check());
        }
    }
}
