/** Measures colours as people see them: contrast, distance, and distance for colour-blind people. */

/** Red, green and blue from 0 to 1, as in a style sheet. */
export type Colour = readonly [red: number, green: number, blue: number];

type Matrix = readonly [Colour, Colour, Colour];

/** Machado, Oliveira and Fernandes (2009), severity 1, for linear light. */
const VISIONS: Readonly<Record<string, Matrix>> = {
  full: [
    [1, 0, 0],
    [0, 1, 0],
    [0, 0, 1],
  ],
  protanopia: [
    [0.152286, 1.052583, -0.204868],
    [0.114503, 0.786281, 0.099216],
    [-0.003882, -0.048116, 1.051998],
  ],
  deuteranopia: [
    [0.367322, 0.860646, -0.227968],
    [0.280085, 0.672501, 0.047413],
    [-0.01182, 0.04294, 0.968881],
  ],
  tritanopia: [
    [1.255528, -0.076749, -0.178779],
    [-0.078411, 0.930809, 0.147602],
    [0.004733, 0.691367, 0.3039],
  ],
};

/** `#rrggbb`, or `rgb(…)` as browsers compute it. */
export function parseColour(text: string): Colour {
  const [, hex] = /^#([0-9a-f]{6})$/i.exec(text) ?? [];
  const parts =
    hex === undefined
      ? (text.match(/[\d.]+/g) ?? []).map(Number)
      : [0, 2, 4].map((at) => Number.parseInt(hex.slice(at, at + 2), 16));
  const [red = 0, green = 0, blue = 0] = parts.map((part) => part / 255);
  return [red, green, blue];
}

/** WCAG 2.2's contrast ratio, from 1 to 21. */
export function contrastOf(one: Colour, other: Colour): number {
  const [dark = 0, light = 0] = [one, other].map(luminanceOf).toSorted((a, b) => a - b);
  return (light + 0.05) / (dark + 0.05);
}

/** The smallest CIE 1976 distance of two colours over full colour vision and each kind of colour-blindness. */
export function distanceOf(one: Colour, other: Colour): number {
  const distances = Object.values(VISIONS).map((vision) => {
    const [a, b] = [one, other].map((colour) => toLab(see(colour, vision)));
    return Math.hypot(...[0, 1, 2].map((at) => (a?.[at] ?? 0) - (b?.[at] ?? 0)));
  });
  return Math.min(...distances);
}

/** CIE lightness, from 0 to 100: the grey value of the colour. */
export function lightnessOf(colour: Colour): number {
  return 116 * toCubic(luminanceOf(colour)) - 16;
}

function luminanceOf(colour: Colour): number {
  const [red, green, blue] = toLinear(colour);
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

function toLinear([red, green, blue]: Colour): Colour {
  const linear = (value: number): number =>
    value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  return [linear(red), linear(green), linear(blue)];
}

function see(colour: Colour, [toRed, toGreen, toBlue]: Matrix): Colour {
  const [red, green, blue] = toLinear(colour);
  const mix = ([r, g, b]: Colour): number =>
    Math.min(1, Math.max(0, r * red + g * green + b * blue));
  return [mix(toRed), mix(toGreen), mix(toBlue)];
}

/** Converts from linear light, with white at D65. */
function toLab([red, green, blue]: Colour): Colour {
  const x = toCubic((0.4124 * red + 0.3576 * green + 0.1805 * blue) / 0.95047);
  const y = toCubic(0.2126 * red + 0.7152 * green + 0.0722 * blue);
  const z = toCubic((0.0193 * red + 0.1192 * green + 0.9505 * blue) / 1.08883);
  return [116 * y - 16, 500 * (x - y), 200 * (y - z)];
}

function toCubic(value: number): number {
  return value > 216 / 24389 ? Math.cbrt(value) : ((24389 / 27) * value + 16) / 116;
}
