// schema.mjs NODE_MODULES: reads [{where, object}] from standard input, holds each object to the models of its kind in
// kubernetes-models and @kubernetes-models/prometheus-operator, and prints what is wrong, a line for each mistake.
// Values are checked by the models' schemas; fields that do not exist, which these let pass, by their types.
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { tmpdir } from "node:os";
import { pathToFileURL } from "node:url";

const compilerOptions = {
    noEmit: true, strict: true, skipLibCheck: true, types: [],
    module: "esnext", moduleResolution: "bundler", preserveSymlinks: true,
};
const modules = resolve(process.argv[2]);
const things = JSON.parse(readFileSync(0, "utf8"));
const mistakes = [];

/** The model's module without its ending, as packages name it; undefined if there is none. */
function modelOf({ apiVersion, kind }) {
    const path = `${apiVersion}/${kind}`;
    for (const name of ["kubernetes-models", "@kubernetes-models/prometheus-operator"]) {
        if (existsSync(join(modules, name, `${path}.js`))) return `${name}/${path}`;
    }
    return undefined;
}

/** Values: types, needed fields, patterns. */
async function checkValues({ where, object }, model) {
    const { [object.kind]: Model } = await import(pathToFileURL(join(modules, `${model}.js`)));
    try {
        new Model(structuredClone(object)).validate();
    } catch (error) {
        mistakes.push(`${where}: ${error.message}`);
    }
}

/** One file for the compiler: each object as a literal of its type, where a field too many is an error. */
function typeScript(checked) {
    return checked.map(({ object, model }, at) =>
        `import type { I${object.kind} as I${at} } from "./node_modules/${model}.js";\n` +
        `export const object_${at}: I${at} = ${JSON.stringify(object)};\n`).join("");
}

function checkFields(checked) {
    const folder = mkdtempSync(join(tmpdir(), "pgweir-schema-"));
    try {
        symlinkSync(modules, join(folder, "node_modules"));
        writeFileSync(join(folder, "objects.ts"), typeScript(checked));
        writeFileSync(join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions, files: ["objects.ts"] }));
        execFileSync(process.execPath, [join(modules, "typescript/bin/tsc")],
            { cwd: folder, stdio: ["ignore", "pipe", "inherit"] });
    } catch (error) {
        if (!error.stdout) throw error;
        for (const line of String(error.stdout).split("\n").filter(Boolean)) {
            // Two lines an object: its import, itself.
            const at = /^objects\.ts\((\d+),/.exec(line);
            mistakes.push(at ? `${checked[Math.floor((Number(at[1]) - 1) / 2)].where}: ${line}` : `    ${line}`);
        }
    } finally {
        rmSync(folder, { recursive: true });
    }
}

const checked = [];
for (const thing of things) {
    const model = modelOf(thing.object);
    if (!model) {
        mistakes.push(`${thing.where}: no model of ${thing.object.apiVersion} ${thing.object.kind}`);
        continue;
    }
    await checkValues(thing, model);
    checked.push({ ...thing, model });
}
checkFields(checked);
process.stdout.write(mistakes.map((mistake) => `${mistake}\n`).join(""));
