// Builds what the pages load: scripts and styles by esbuild, and one sprite of the icons that are really used.
//   node static/build.mjs            once, minified
//   node static/build.mjs --watch    again at every change, readable

import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import * as esbuild from "esbuild";

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const source = path.join(root, "static", "src");
const result = path.join(root, "static", "dist");
const iconFolder = path.join(root, "node_modules", "@tabler", "icons", "icons");
const watching = process.argv.includes("--watch");

// Where an icon can be named: {% icon "send" %}, icon="send", action_icon="send", data-icon="send".
const iconName = /(?:\{%\s*icon\s+|\b[\w-]*icon=)(["'])([a-z0-9]+(?:-[a-z0-9]+)*)\1/g;
const foldersWithoutIcons = new Set(["node_modules", "dist", "tests", "migrations", "docs", "bench"]);
const filesWithoutIcons = /^admin(_\w+)?\.py$/; // the admin has an icon font of its own

async function* sourceFiles(folder) {
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    if (entry.name.startsWith(".") || foldersWithoutIcons.has(entry.name)) continue;
    const file = path.join(folder, entry.name);
    if (entry.isDirectory()) yield* sourceFiles(file);
    else if (/\.(html|py|js)$/.test(entry.name) && !filesWithoutIcons.test(entry.name)) yield file;
  }
}

async function usedIcons() {
  const used = new Map();
  for await (const file of sourceFiles(root)) {
    const text = await readFile(file, "utf8");
    for (const match of text.matchAll(iconName)) used.set(match[2], path.relative(root, file));
  }
  return used;
}

async function symbol(name, usedIn) {
  const filled = name.endsWith("-filled");
  const file = filled ? `filled/${name.slice(0, -"-filled".length)}.svg` : `outline/${name}.svg`;
  const svg = await readFile(path.join(iconFolder, file), "utf8").catch(() => {
    throw new Error(`${usedIn} uses the icon "${name}", which @tabler/icons does not have.`);
  });
  const shapes = svg.slice(svg.indexOf(">") + 1, svg.lastIndexOf("</svg>")).replace(/<path stroke="none" d="M0 0h24v24H0z"[^>]*>/, "");
  const paint = filled ? ' fill="currentColor" stroke="none"' : "";
  return `<symbol id="${name}" viewBox="0 0 24 24"><g${paint}>${shapes.replace(/\s+/g, " ").trim()}</g></symbol>`;
}

async function buildIcons() {
  const used = [...(await usedIcons())].sort(([a], [b]) => a.localeCompare(b));
  const symbols = await Promise.all(used.map(([name, usedIn]) => symbol(name, usedIn)));
  const sprite = `<svg xmlns="http://www.w3.org/2000/svg">${symbols.join("\n")}</svg>\n`;
  await writeFile(path.join(result, "icons.svg"), sprite);
  return symbols.length;
}

// Old files go last: pages that are open meanwhile find one version or the other, never nothing.
async function removeOldFiles(outputs) {
  const present = new Set([...Object.keys(outputs).map((file) => path.resolve(root, file)), path.join(result, "icons.svg")]);
  for (const entry of await readdir(result, { recursive: true, withFileTypes: true })) {
    const file = path.join(entry.parentPath, entry.name);
    if (entry.isFile() && !present.has(file)) await rm(file, { force: true });
  }
}

const options = {
  entryPoints: ["app.js", "app.css", "theme.js"].map((name) => path.join(source, name)),
  outdir: result,
  absWorkingDir: root,
  bundle: true,
  metafile: true,
  format: "esm",
  splitting: true,
  target: ["chrome123", "firefox128", "safari17.5"],
  chunkNames: "chunks/[name]-[hash]",
  assetNames: "files/[name]-[hash]",
  loader: { ".woff2": "file", ".json": "file" },
  minify: !watching,
  sourcemap: watching ? "inline" : false,
  logLevel: "warning",
  legalComments: "linked",
  plugins: [
    {
      name: "icons",
      setup(build) {
        build.onEnd(async (outcome) => {
          if (outcome.errors.length) return;
          const count = await buildIcons();
          await removeOldFiles(outcome.metafile.outputs);
          if (watching) console.log(`Built, with ${count} icons.`);
        });
      },
    },
  ],
};

const started = performance.now();
try {
  await mkdir(result, { recursive: true });
  if (watching) {
    await (await esbuild.context(options)).watch();
  } else {
    await esbuild.build(options);
    console.log(`Pages built in ${((performance.now() - started) / 1000).toFixed(1)} s.`);
  }
} catch (error) {
  console.error(error.message);
  process.exit(1);
}
