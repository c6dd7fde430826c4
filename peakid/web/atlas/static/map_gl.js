// Draws the points with WebGL 2: positions and categories stay on the graphics card, a frame sends only the view.

const VERTEX = `#version 300 es
in vec2 at;
in uint code;
in uint mark;
uniform vec4 view; // x, y of the middle, then units per half a window
uniform float size;
uniform bool isMarking;
uniform vec3 ground;
uniform highp sampler2D palette; // one texel a category; alpha 0: hidden
out vec3 colour;
void main() {
  vec4 found = texelFetch(palette, ivec2(int(code) % 256, int(code) / 256), 0);
  bool isFaded = isMarking && mark == 0u;
  colour = isFaded ? mix(ground, found.rgb, 0.22) : found.rgb;
  float depth = isFaded ? 0.5 : 0.0; // A marked point is drawn over the others.
  gl_Position = found.a < 0.5 ? vec4(2.0, 2.0, 2.0, 1.0) : vec4((at - view.xy) * view.zw, depth, 1.0);
  gl_PointSize = size;
}`;
const FRAGMENT = `#version 300 es
precision mediump float;
in vec3 colour;
uniform float diameter; // px
out vec4 drawn;
void main() {
  float edge = (0.5 - length(gl_PointCoord - 0.5)) * diameter; // px inside the circle
  if (edge <= 0.0) discard;
  drawn = vec4(colour, min(edge, 1.0));
}`;
const PALETTE_SIDE = 256; // texels: 65,536 categories

export class GlPainter {
  /** Return a painter, null where the browser has no WebGL 2. */
  static on(canvas) {
    const gl = canvas.getContext("webgl2", { antialias: false, alpha: false, depth: true });
    return gl ? new GlPainter(canvas, gl) : null;
  }

  constructor(canvas, gl) {
    this.canvas = canvas;
    this.gl = gl;
    this.program = link(gl);
    this.at = Object.fromEntries(
      ["view", "size", "diameter", "isMarking", "ground", "palette"].map((name) => [
        name,
        gl.getUniformLocation(this.program, name),
      ]),
    );
    this.buffers = { at: gl.createBuffer(), code: gl.createBuffer(), mark: gl.createBuffer() };
    this.texture = gl.createTexture();
    this.n = 0;
  }

  get kind() {
    return "WebGL";
  }

  get isLost() {
    return this.gl.isContextLost();
  }

  setPoints({ n, xy }) {
    this.n = n;
    this.hasCodes = false;
    this.fill("at", xy);
    this.setMarks(new Uint8Array(n));
  }

  setCodes(codes) {
    this.fill("code", codes);
    this.hasCodes = codes.length === this.n;
  }

  setMarks(marks) {
    this.fill("mark", marks);
  }

  /** Set the colours of the categories as [r, g, b, 255 or 0 for hidden] of each. */
  setPalette(colours) {
    const { gl } = this;
    const texels = new Uint8Array(4 * PALETTE_SIDE * PALETTE_SIDE);
    colours.forEach((colour, i) => {
      texels.set(colour, 4 * i);
    });
    gl.bindTexture(gl.TEXTURE_2D, this.texture);
    const side = PALETTE_SIDE;
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA, side, side, 0, gl.RGBA, gl.UNSIGNED_BYTE, texels);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MIN_FILTER, gl.NEAREST);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MAG_FILTER, gl.NEAREST);
  }

  draw(view, { ground, isMarking, ratio }) {
    const { gl, canvas } = this;
    const [red, green, blue] = ground.map((channel) => channel / 255);
    gl.viewport(0, 0, canvas.width, canvas.height);
    gl.clearColor(red, green, blue, 1);
    gl.clear(gl.COLOR_BUFFER_BIT | gl.DEPTH_BUFFER_BIT);
    if (!this.hasCodes || !this.n) return;
    gl.enable(gl.DEPTH_TEST);
    gl.depthFunc(gl.LEQUAL);
    gl.enable(gl.BLEND); // The edge of a point is soft.
    gl.blendFunc(gl.SRC_ALPHA, gl.ONE_MINUS_SRC_ALPHA);
    gl.useProgram(this.program);
    this.point("at", 2, gl.FLOAT);
    this.point("code", 1, gl.UNSIGNED_SHORT);
    this.point("mark", 1, gl.UNSIGNED_BYTE);
    const across = (2 * view.scale) / view.width;
    gl.uniform4f(this.at.view, view.x, view.y, across, (2 * view.scale) / view.height);
    gl.uniform1f(this.at.size, view.pointSize(this.n) * ratio);
    gl.uniform1f(this.at.diameter, view.pointSize(this.n) * ratio);
    gl.uniform1i(this.at.isMarking, isMarking ? 1 : 0);
    gl.uniform3f(this.at.ground, red, green, blue);
    gl.uniform1i(this.at.palette, 0);
    gl.bindTexture(gl.TEXTURE_2D, this.texture);
    gl.drawArrays(gl.POINTS, 0, this.n);
  }

  /** Free what is on the graphics card: a browser allows few drawings at once. */
  release() {
    this.gl.getExtension("WEBGL_lose_context")?.loseContext();
  }

  fill(name, values) {
    const { gl } = this;
    gl.bindBuffer(gl.ARRAY_BUFFER, this.buffers[name]);
    gl.bufferData(gl.ARRAY_BUFFER, values, gl.STATIC_DRAW);
  }

  point(name, size, type) {
    const { gl } = this;
    const place = gl.getAttribLocation(this.program, name);
    gl.bindBuffer(gl.ARRAY_BUFFER, this.buffers[name]);
    gl.enableVertexAttribArray(place);
    if (type === gl.FLOAT) gl.vertexAttribPointer(place, size, type, false, 0, 0);
    else gl.vertexAttribIPointer(place, size, type, 0, 0);
  }
}

function link(gl) {
  const program = gl.createProgram();
  for (const [type, text] of [
    [gl.VERTEX_SHADER, VERTEX],
    [gl.FRAGMENT_SHADER, FRAGMENT],
  ]) {
    const shader = gl.createShader(type);
    gl.shaderSource(shader, text);
    gl.compileShader(shader);
    if (!gl.getShaderParameter(shader, gl.COMPILE_STATUS)) throw new Error(gl.getShaderInfoLog(shader));
    gl.attachShader(program, shader);
  }
  gl.linkProgram(program);
  return program;
}
