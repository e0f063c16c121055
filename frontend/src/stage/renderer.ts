// Draws images on one canvas with WebGL 2: stored values as they are, in 16-bit textures with their halves, and
// window, sigmoid or table worked out for each pixel of the screen.
import type { Affine } from "../contract";
import type { Lut, Voi } from "../image/dicom";
import type { Level } from "../image/pyramid";
import { refusal } from "../words";

export interface Look {
  voi: Voi;
  center: number; // in rescaled values; of a table in its own 0…1
  width: number;
  slope: number;
  intercept: number; // that of the file, less what was added to stored values
  inverse: boolean;
  padding: number | null; // stored value with what was added
  lut: Lut | null;
}

export interface Drawing {
  key: string;
  levels: () => Level[]; // asked for when the texture is not there yet
  rect: { x: number; y: number; width: number; height: number }; // CSS pixels of the canvas
  toImage: Affine; // from CSS pixels of the rect to image pixels
  look: Look;
  round: boolean; // only the disc within the rect (the magnifier)
}

const VERTEX = `#version 300 es
void main() { vec2 p = vec2((gl_VertexID << 1) & 2, gl_VertexID & 2); gl_Position = vec4(p * 2.0 - 1.0, 0, 1); }`;

const FRAGMENT = `#version 300 es
precision highp float; precision highp int; precision highp usampler2D; precision highp sampler2D;
uniform usampler2D image; uniform sampler2D table;
uniform ivec2 size; uniform int level; uniform vec4 rect; uniform vec3 mapX, mapY;
uniform int kind, entries, first; uniform float center, width, slope, intercept; uniform bool inverse, round_;
uniform int padding;
out vec4 color;
float at(ivec2 p) { return float(texelFetch(image, clamp(p, ivec2(0), size - 1), level).r); }
float entry(int k) { k = clamp(k, 0, entries - 1); return texelFetch(table, ivec2(k & 1023, k >> 10), 0).r; }
void main() {
  vec2 pane = vec2(gl_FragCoord.x - rect.x, rect.w - (gl_FragCoord.y - rect.y)) * 1.0;
  if (round_) {
    float far = length(pane - rect.zw * 0.5) - min(rect.z, rect.w) * 0.5;
    if (far > 0.0) discard;
    if (far > -2.0) { color = vec4(0.95, 0.75, 0.3, 1); return; }
  }
  vec2 p = vec2(dot(mapX, vec3(pane, 1)), dot(mapY, vec3(pane, 1)));
  vec2 q = (p + 0.5) / float(1 << level) - 0.5;
  if (any(lessThan(q, vec2(-0.5))) || any(greaterThan(q, vec2(size) - 0.5))) { color = vec4(0, 0, 0, 1); return; }
  ivec2 b = ivec2(floor(q)); vec2 f = q - vec2(b);
  float raw = mix(mix(at(b), at(b + ivec2(1, 0)), f.x), mix(at(b + ivec2(0, 1)), at(b + ivec2(1, 1)), f.x), f.y);
  if (padding >= 0 && int(raw + 0.5) == padding) { color = vec4(0, 0, 0, 1); return; }
  float v = raw * slope + intercept;
  float g;
  if (kind == 3) {                                   // VOI LUT: the table, then a window over its output
    float t = v - float(first); float k = floor(t);
    g = mix(entry(int(k)), entry(int(k) + 1), t - k);
    g = (g - (center - 0.5 * width)) / width;
  } else if (kind == 2) g = 1.0 / (1.0 + exp(-4.0 * (v - center) / width));        // PS3.3 C.11.2.1.3.1
  else if (kind == 1) g = (v - (center - 0.5 * width)) / width;                    // PS3.3 C.11.2.1.3.2
  else g = (v - (center - 0.5)) / max(width - 1.0, 1e-6) + 0.5;                    // PS3.3 C.11.2.1.2.1
  g = clamp(g, 0.0, 1.0);
  if (inverse) g = 1.0 - g;
  color = vec4(g, g, g, 1);
}`;

interface Texture {
  texture: WebGLTexture;
  bytes: number;
  drawn: number;
  skipped: number; // levels left out because the graphics card takes no texture so large
  count: number;
}

const NAMES = ["image", "table", "size", "level", "rect", "mapX", "mapY", "kind", "entries", "first", "center", "width", "slope", "intercept", "inverse", "round_", "padding"] as const;

export class Renderer {
  private readonly gl: WebGL2RenderingContext;
  private readonly textures = new Map<string, Texture>();
  private readonly tables = new Map<Lut, WebGLTexture>();
  private places: Record<string, WebGLUniformLocation | null> = {};
  private blank: WebGLTexture | null = null;
  private turn = 0;

  constructor(
    readonly canvas: HTMLCanvasElement,
    restored: () => void,
    private readonly budget = 900 << 20,
  ) {
    const gl = canvas.getContext("webgl2", { alpha: false, antialias: false, depth: false, preserveDrawingBuffer: false, powerPreference: "high-performance" });
    if (!gl) throw refusal("this browser does not offer WebGL 2, which the images need; use a current Chrome, Edge, Firefox or Safari");
    this.gl = gl;
    canvas.addEventListener("webglcontextlost", (event) => event.preventDefault());
    canvas.addEventListener("webglcontextrestored", () => {
      this.textures.clear();
      this.tables.clear();
      this.prepare();
      restored();
    });
    this.prepare();
  }

  private prepare(): void {
    const { gl } = this;
    const program = gl.createProgram();
    for (const [type, source] of [[gl.VERTEX_SHADER, VERTEX], [gl.FRAGMENT_SHADER, FRAGMENT]] as const) {
      const shader = gl.createShader(type) as WebGLShader;
      gl.shaderSource(shader, source);
      gl.compileShader(shader);
      gl.attachShader(program, shader);
    }
    gl.linkProgram(program);
    if (!gl.getProgramParameter(program, gl.LINK_STATUS) && !gl.isContextLost())
      throw refusal("the graphics card refuses the drawing program: {log}", { log: gl.getProgramInfoLog(program) ?? "" });
    gl.useProgram(program);
    this.places = Object.fromEntries(NAMES.map((name) => [name, gl.getUniformLocation(program, name)]));
    gl.uniform1i(this.places.image ?? null, 0);
    gl.uniform1i(this.places.table ?? null, 1);
    gl.enable(gl.SCISSOR_TEST);
    gl.pixelStorei(gl.UNPACK_ALIGNMENT, 1);
    this.blank = this.tableOf(new Float32Array([0]));
  }

  /** Uploads an image ahead of its first drawing. */
  ready(key: string, levels: () => Level[]): void {
    if (!this.textures.has(key)) this.upload(key, levels());
  }

  /** How much smaller than the image its largest texture is, as a power of two; 0 nearly always. */
  reduced(key: string): number {
    return this.textures.get(key)?.skipped ?? 0;
  }

  private upload(key: string, all: Level[]): Texture {
    const { gl } = this;
    const most = gl.getParameter(gl.MAX_TEXTURE_SIZE) as number;
    let skipped = 0;
    while (skipped < all.length - 1 && Math.max((all[skipped] as Level).columns, (all[skipped] as Level).rows) > most) skipped++;
    const levels = all.slice(skipped);
    const texture = gl.createTexture() as WebGLTexture;
    gl.activeTexture(gl.TEXTURE0);
    gl.bindTexture(gl.TEXTURE_2D, texture);
    const top = levels[0] as Level;
    gl.texStorage2D(gl.TEXTURE_2D, levels.length, gl.R16UI, top.columns, top.rows);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MIN_FILTER, gl.NEAREST_MIPMAP_NEAREST);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MAG_FILTER, gl.NEAREST);
    let bytes = 0;
    for (const [k, level] of levels.entries()) {
      gl.texSubImage2D(gl.TEXTURE_2D, k, 0, 0, level.columns, level.rows, gl.RED_INTEGER, gl.UNSIGNED_SHORT, level.data);
      bytes += level.data.byteLength;
    }
    const entry = { texture, bytes, drawn: this.turn, skipped, count: levels.length };
    this.textures.set(key, entry);
    this.makeRoom();
    return entry;
  }

  private makeRoom(): void {
    let sum = [...this.textures.values()].reduce((all, each) => all + each.bytes, 0);
    const idle = [...this.textures].filter(([, each]) => each.drawn < this.turn).sort((a, b) => a[1].drawn - b[1].drawn);
    for (const [key, each] of idle) {
      if (sum <= this.budget) return;
      this.gl.deleteTexture(each.texture);
      this.textures.delete(key);
      sum -= each.bytes;
    }
  }

  private tableOf(values: Float32Array): WebGLTexture {
    const { gl } = this;
    const rows = Math.ceil(values.length / 1024);
    const padded = new Float32Array(rows * 1024);
    padded.set(values);
    const texture = gl.createTexture() as WebGLTexture;
    gl.activeTexture(gl.TEXTURE1);
    gl.bindTexture(gl.TEXTURE_2D, texture);
    gl.texStorage2D(gl.TEXTURE_2D, 1, gl.R32F, 1024, rows);
    gl.texSubImage2D(gl.TEXTURE_2D, 0, 0, 0, 1024, rows, gl.RED, gl.FLOAT, padded);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MIN_FILTER, gl.NEAREST);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MAG_FILTER, gl.NEAREST);
    return texture;
  }

  draw(drawings: Drawing[]): void {
    const { gl, canvas } = this;
    if (gl.isContextLost()) return;
    this.turn++;
    const ratio = window.devicePixelRatio || 1;
    const wide = Math.round(canvas.clientWidth * ratio);
    const high = Math.round(canvas.clientHeight * ratio);
    if (canvas.width !== wide || canvas.height !== high) [canvas.width, canvas.height] = [wide, high];
    gl.viewport(0, 0, wide, high);
    gl.scissor(0, 0, wide, high);
    gl.clearColor(0, 0, 0, 1);
    gl.clear(gl.COLOR_BUFFER_BIT);
    for (const drawing of drawings) this.drawOne(drawing, ratio, high);
  }

  private drawOne({ key, levels, rect, toImage, look, round }: Drawing, ratio: number, high: number): void {
    const { gl, places } = this;
    const texture = this.textures.get(key) ?? this.upload(key, levels());
    texture.drawn = this.turn;
    const [x, y] = [Math.round(rect.x * ratio), Math.round(rect.y * ratio)];
    const [w, h] = [Math.round((rect.x + rect.width) * ratio) - x, Math.round((rect.y + rect.height) * ratio) - y];
    if (w <= 0 || h <= 0) return;
    const below = high - y - h;
    gl.viewport(x, below, w, h);
    gl.scissor(x, below, w, h);
    // The level whose pixels are no more than a screen pixel apart by a factor of the square root of two.
    const step = Math.hypot(toImage[0][0], toImage[1][0]) / ratio;
    const whole = Math.round(Math.log2(Math.max(step, 1e-6)));
    const level = Math.min(Math.max(whole - texture.skipped, 0), texture.count - 1);
    const base = 2 ** texture.skipped;
    const size = this.sizeAt(texture, levels, level);
    gl.activeTexture(gl.TEXTURE0);
    gl.bindTexture(gl.TEXTURE_2D, texture.texture);
    gl.activeTexture(gl.TEXTURE1);
    gl.bindTexture(gl.TEXTURE_2D, this.table(look.lut));
    gl.uniform2i(places.size ?? null, size[0], size[1]);
    gl.uniform1i(places.level ?? null, level);
    gl.uniform4f(places.rect ?? null, x, below, w, h);
    // Image pixels of the texture's own first level, from device pixels of the rect.
    const row = ([a, b, c]: [number, number, number]): [number, number, number] => [a / ratio / base, b / ratio / base, (c + 0.5) / base - 0.5];
    gl.uniform3f(places.mapX ?? null, ...row(toImage[0]));
    gl.uniform3f(places.mapY ?? null, ...row(toImage[1]));
    gl.uniform1i(places.kind ?? null, look.lut ? 3 : look.voi === "SIGMOID" ? 2 : look.voi === "LINEAR_EXACT" ? 1 : 0);
    gl.uniform1i(places.entries ?? null, look.lut?.values.length ?? 1);
    gl.uniform1i(places.first ?? null, look.lut?.first ?? 0);
    gl.uniform1f(places.center ?? null, look.center);
    gl.uniform1f(places.width ?? null, look.width);
    gl.uniform1f(places.slope ?? null, look.slope);
    gl.uniform1f(places.intercept ?? null, look.intercept);
    gl.uniform1i(places.inverse ?? null, look.inverse ? 1 : 0);
    gl.uniform1i(places.round_ ?? null, round ? 1 : 0);
    gl.uniform1i(places.padding ?? null, look.padding ?? -1);
    gl.drawArrays(gl.TRIANGLES, 0, 3);
  }

  /** Waits until everything is drawn. */
  finish(): void {
    this.gl.readPixels(0, 0, 1, 1, this.gl.RGBA, this.gl.UNSIGNED_BYTE, new Uint8Array(4));
  }

  private sizeAt(texture: Texture, levels: () => Level[], level: number): [number, number] {
    const at = levels()[texture.skipped + level] as Level;
    return [at.columns, at.rows];
  }

  private table(lut: Lut | null): WebGLTexture | null {
    if (!lut) return this.blank;
    let table = this.tables.get(lut);
    if (!table) this.tables.set(lut, (table = this.tableOf(lut.values)));
    return table;
  }
}
