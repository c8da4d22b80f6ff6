"""Take the pictures of docs/design.md: `make screenshots`, or `python -m tests.pages.screenshots [NAME …]`.

The samples stand still at one instant, nothing moves and no caret blinks, so a second run on the same
machine writes the same bytes. Pictures that are no longer in the list are removed.
"""

import argparse
import base64
import struct
import sys
import zlib
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright

from tests.pages.look import launch
from tests.pages.pictures import FOLDER, PICTURES, Picture
from tests.pages.samples.parts import NOW
from tests.pages.serve import served

HEIGHT = 860
COLOURS = 128
SIGNATURE = b"\x89PNG\r\n\x1a\n"
# Where the cut's parts stand, together; in whole pixels, so that nothing is drawn between two.
PLACE = """selector => {
  const boxes = [...document.querySelectorAll(selector)].map(part => part.getBoundingClientRect());
  const parts = boxes.filter(box => box.width);
  const edge = (side, choose) => choose(...parts.map(box => box[side]));
  return {left: Math.floor(edge('left', Math.min)), top: Math.floor(edge('top', Math.min)),
    right: Math.ceil(edge('right', Math.max)), bottom: Math.ceil(edge('bottom', Math.max))};
}"""
# Half of the palette is what the picture has most of, half what would be missed most; each pixel takes the nearest.
REDUCE = """async ([source, most]) => {
  const image = new Image();
  image.src = 'data:image/png;base64,' + source;
  await image.decode();
  const canvas = new OffscreenCanvas(image.width, image.height).getContext('2d');
  canvas.drawImage(image, 0, 0);
  const pixels = new Uint32Array(canvas.getImageData(0, 0, image.width, image.height).data.buffer);
  const counts = new Map();
  for (const pixel of pixels) counts.set(pixel, (counts.get(pixel) ?? 0) + 1);
  const parts = pixel => [pixel & 255, pixel >> 8 & 255, pixel >> 16 & 255];
  const off = (a, b) => (a[0] - b[0]) ** 2 + (a[1] - b[1]) ** 2 + (a[2] - b[2]) ** 2;
  const found = [...counts].sort((a, b) => b[1] - a[1] || a[0] - b[0]);
  const left = found.map(([pixel, count]) => ({colour: parts(pixel), weight: Math.sqrt(count), away: Infinity}));
  const palette = [];
  while (palette.length < Math.min(most, left.length)) {
    const next = palette.length < most / 2 ? left[palette.length]
      : left.reduce((a, b) => (b.away * b.weight > a.away * a.weight ? b : a));
    palette.push(next.colour);
    for (const one of left) one.away = Math.min(one.away, off(one.colour, next.colour));
  }
  const nearest = pixel => {
    const colour = parts(pixel);
    let best = 0, least = Infinity;
    palette.forEach((one, at) => {
      const distance = off(colour, one);
      if (distance < least) [best, least] = [at, distance];
    });
    return best;
  };
  const indices = new Map([...counts.keys()].map(pixel => [pixel, nearest(pixel)]));
  let said = '';
  for (const pixel of pixels) said += String.fromCharCode(indices.get(pixel));
  return {width: image.width, height: image.height, palette: palette.flat(), indices: btoa(said)};
}"""


def main() -> int:
    """Write the pictures and print their names; exit 1 where there is no browser."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", choices=[[], *(one.name for one in PICTURES)])
    asked = parser.parse_args().names
    FOLDER.mkdir(exist_ok=True)
    with served() as address, sync_playwright() as playwright:
        browser = launch(playwright)
        if browser is None:
            print("no Chromium on this machine; `make test` installs one")
            return 1
        workbench = browser.new_page()
        for one in PICTURES:
            for theme, file in one.files.items() if not asked or one.name in asked else ():
                (FOLDER / file).write_bytes(shrink(workbench, _taken(browser, address, one, theme)))
                print(f"docs/design/{file}")
        browser.close()
    listed = {file for one in PICTURES for file in one.files.values()}
    for found in FOLDER.glob("*.png"):
        if found.name not in listed:
            found.unlink()
    return 0


def _taken(browser: Browser, address: str, one: Picture, theme: str) -> bytes:
    scale = 2 if one.cut else 1
    page = browser.new_page(
        viewport={"width": one.width, "height": HEIGHT},
        device_scale_factor=scale,
        reduced_motion="reduce",
        timezone_id="UTC",
    )
    page.clock.set_fixed_time(NOW)
    page.goto(f"{address}/{one.page}?theme={theme}")
    if one.opened:
        page.locator(one.opened).first.click()
    if one.chosen:
        page.get_by_label(one.chosen[0]).select_option(one.chosen[1])
    page.mouse.move(0, 0)
    page.evaluate("document.activeElement.blur(), document.fonts.ready.then(() => null)")
    # As tall as the page, so that what sticks to the window's foot stands at the page's.
    tall = page.evaluate("Math.max(document.documentElement.scrollHeight, document.body.scrollHeight)")
    page.set_viewport_size({"width": one.width, "height": max(tall, HEIGHT)})
    clip = _clip(page, one) if one.cut else None
    picture = page.screenshot(clip=clip, animations="disabled") if clip else page.screenshot(animations="disabled")
    page.close()
    return picture


def _clip(page: Page, one: Picture) -> Any:
    place = page.evaluate(PLACE, one.cut)
    left, top = max(place["left"] - one.margin, 0), max(place["top"] - one.margin, 0)
    right = min(place["right"] + one.margin, one.width)
    return {"x": left, "y": top, "width": right - left, "height": place["bottom"] + one.margin - top}


def shrink(workbench: Page, picture: bytes) -> bytes:
    """Return the picture as a PNG of few colours: the browser counts them, the zlib at hand packs them."""
    told = workbench.evaluate(REDUCE, [base64.b64encode(picture).decode(), COLOURS])
    width, height = told["width"], told["height"]
    indices = base64.b64decode(told["indices"])
    rows = b"".join(b"\0" + indices[row * width : (row + 1) * width] for row in range(height))
    return SIGNATURE + b"".join(
        (
            _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)),
            _chunk(b"PLTE", bytes(told["palette"])),
            _chunk(b"IDAT", zlib.compress(rows, 9)),
            _chunk(b"IEND", b""),
        )
    )


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


if __name__ == "__main__":
    sys.exit(main())
