// Looks at real.html, large.html and all.html in the working directory with the Chromium that the first argument names.
const fs = require("node:fs");
const path = require("node:path");
const puppeteer = require("puppeteer-core");

const axe = fs.readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");
const screenshots = process.env.SCREENSHOTS;
const address = (name) => "file://" + path.resolve(name);
let failed = false;

async function test(name, run) {
  try {
    await run();
    console.log(`ok apps/html_report/${name}`);
  } catch (error) {
    failed = true;
    console.log(`not ok apps/html_report/${name} - ${String(error.message ?? error).replaceAll("\n", " ").slice(0, 1500)}`);
  }
}

function check(condition, why) {
  if (!condition) throw new Error(why);
}

// Everything that the page asks for and says goes into `seen`.
async function open(browser, name, { dark = false, width = 1200 } = {}) {
  const page = await browser.newPage();
  const seen = { requests: [], dialogs: [], errors: [] };
  page.on("request", (request) => seen.requests.push(request.url()));
  page.on("dialog", (dialog) => seen.dialogs.push(dialog.message()) && dialog.dismiss());
  page.on("console", (message) => message.type() === "error" && seen.errors.push(message.text()));
  await page.setViewport({ width, height: 900 });
  await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: dark ? "dark" : "light" }]);
  await page.goto(address(name));
  return { page, seen };
}

async function main() {
  const browser = await puppeteer.launch({
    executablePath: process.argv[2],
    args: ["--no-sandbox", "--disable-gpu", "--allow-file-access-from-files"],
  });

  for (const [name, view] of Object.entries({ light: {}, dark: { dark: true }, narrow: { width: 390 } })) {
    await test(`accessible/${name}`, async () => {
      const { page } = await open(browser, "real.html", view);
      await page.evaluate(() => document.querySelectorAll("details").forEach((each) => (each.open = true)));
      if (screenshots) await page.screenshot({ path: path.join(screenshots, `${name}.png`), fullPage: true });
      // The page allows no script of its own; this one comes past it, as an extension's would.
      const client = await page.createCDPSession();
      const { result, exceptionDetails } = await client.send("Runtime.evaluate", {
        expression: `${axe}; axe.run().then((done) => JSON.stringify({ passes: done.passes.length, wrong: done.violations.map((each) =>
          each.id + ": " + each.nodes.slice(0, 3).map((node) => node.html.slice(0, 200)).join(" | ")) }))`,
        awaitPromise: true,
        returnByValue: true,
      });
      check(!exceptionDetails, JSON.stringify(exceptionDetails));
      const { passes, wrong } = JSON.parse(result.value);
      check(wrong.length === 0 && passes >= 20, result.value);
      const overflow = await page.evaluate(() => document.documentElement.scrollWidth > window.innerWidth);
      check(!overflow, "the page is wider than the window");
      await page.close();
    });
  }

  await test("names_are_text", async () => {
    const { page, seen } = await open(browser, "real.html");
    const title = await page.title();
    check(title.startsWith("cofferdam: "), `a name ran: the title is ${title}`);
    check(seen.requests.length === 1 && seen.dialogs.length === 0 && seen.errors.length === 0, JSON.stringify(seen));
    const counts = await page.evaluate(() => [document.images.length, document.scripts.length, document.body.innerText]);
    check(counts[0] === 0 && counts[1] === 0, `images and scripts: ${counts[0]}, ${counts[1]}`);
    check(counts[2].includes("<img src=x onerror=document.title='run'>.txt"), "the name is not shown");
    check(!counts[2].includes("\u202e") && !counts[2].includes("\u001b"), "a control character is shown as it is");
    await page.close();
  });

  await test("keys_open_the_tree", async () => {
    const { page } = await open(browser, "real.html");
    const closed = () => page.evaluate(() => document.querySelectorAll("#lost details:not([open])").length);
    const before = await closed();
    check(before > 0, "nothing is closed");
    for (let i = 0; i < 60; i++) {
      await page.keyboard.press("Tab");
      const there = await page.evaluate(() => {
        const at = document.activeElement;
        return at.tagName === "SUMMARY" && at.closest("#lost") !== null && !at.parentElement.open;
      });
      if (!there) continue;
      const outline = await page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle);
      check(outline === "solid", "the focus is not visible");
      await page.keyboard.press("Enter");
      check((await closed()) === before - 1, "Enter did not open it");
      return page.close();
    }
    throw new Error("Tab never came to a closed directory");
  });

  for (const [name, file] of Object.entries({ folded: "large.html", all: "all.html" })) {
    await test(`large/${name}`, async () => {
      const started = performance.now();
      const { page } = await open(browser, file);
      await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
      const shown = Math.round(performance.now() - started);
      const text = await page.evaluate(() => document.querySelector("#lost-title").innerText);
      check(text.includes("100000 files"), text);
      console.log(`# ${file}: ${Math.round(fs.statSync(file).size / 1024)} KiB, shown after ${shown} ms`);
      await page.close();
    });
  }
  await browser.close();
  process.exit(failed ? 1 : 0);
}

main();
