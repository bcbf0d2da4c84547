"""The manifest of published weights: where they are, what they should be, and what is made of them.

Another encoder or generator with published weights is one more entry.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Source:
    """A published file with weights of one encoder or generator.

    Attributes
    ----------
    url : str
        Where it is published: ``pypi:<requirement>`` is fetched by pip, which honours the user's
        own index; "" for what a user has alone.
    file : str
        Name of the published file.
    size_bytes, sha256 : int, str, optional
        Of the published file, where they are known.
    licence, citation : str
        Of the weights.
    converted : tuple of str
        Files that are made of it.
    format : str
        Its layout: a module of `weights.formats`, imported when needed.
    random : bool
        Whether random weights can be written in this layout.
    section : str
        Section of the config that names a local copy of the file and its hash, where it is not
        that of the encoder of this name.
    """

    url: str
    file: str
    size_bytes: int | None
    sha256: str | None
    licence: str
    citation: str
    converted: tuple[str, ...]
    format: str
    random: bool = True
    section: str = ""

    @property
    def origin(self) -> str:
        """Where it is from, for people."""
        return self.url or "your own training"

    @property
    def module(self) -> str:
        """Full name of the layout's module: what the jobs of these weights depend on."""
        return f"{__package__}.formats.{self.format}"


_HUB = "https://huggingface.co/lukewys/laion_clap/resolve/main"
_CLMR = "https://github.com/Spijkervet/CLMR/releases/download"
_WU = (
    "Wu et al. (2023), Large-scale contrastive language-audio pretraining with feature fusion and "
    "keyword-to-caption augmentation, ICASSP, arXiv:2211.06687"
)
_VAMPNET_HUB = "https://huggingface.co/hugggof/vampnet/resolve/main"
_FLORES_GARCIA = (
    "Flores Garcia, Seetharaman, Kumar & Pardo (2023), VampNet: music generation via masked "
    "acoustic token modeling, ISMIR, arXiv:2307.04686"
)
_SPIJKERVET = (
    "Spijkervet & Burgoyne (2021), Contrastive learning of musical representations, ISMIR, "
    "arXiv:2103.09410"
)

SOURCES = {
    "musicnn": Source(
        url="pypi:musicnn==0.1.0",
        file="musicnn-0.1.0-py3-none-any.whl",
        size_bytes=29_292_476,
        sha256="f38a4890c648c1ddbb141c5d96d2b0a8cfcd36746002d896989f7b88beb65cfa",
        licence="ISC",
        citation="Pons & Serra (2019), musicnn: Pre-trained convolutional neural networks for "
        "music audio tagging",
        converted=("musicnn-mtt.safetensors", "musicnn-msd.safetensors"),
        format="musicnn",
        random=False,
    ),
    "clap": Source(
        url=f"{_HUB}/630k-audioset-best.pt",
        file="630k-audioset-best.pt",
        size_bytes=1_863_587_645,  # as users of the file state it; the hub says 1.86 GB
        sha256="8053c9775516af2f4902e1e8281e356cc1bf7a85e8b761908170767b77c3f037",  # the hub's own
        licence="CC0-1.0",
        citation=_WU,
        converted=("clap.safetensors",),
        format="clap",
    ),
    "clap_music": Source(
        url=f"{_HUB}/music_audioset_epoch_15_esc_90.14.pt",
        file="music_audioset_epoch_15_esc_90.14.pt",
        # known through third parties: users of the file, and a copy of it elsewhere on the hub
        size_bytes=2_352_471_003,
        sha256="fae3e9c087f2909c28a09dc31c8dfcdacbc42ba44c70e972b58c1bd1caf6dedd",
        licence="CC0-1.0",
        citation=_WU,
        converted=("clap_music.safetensors",),
        format="clap",
    ),
    "clmr": Source(
        url=f"{_CLMR}/2.0/clmr_checkpoint_10000.zip",
        file="clmr_checkpoint_10000.zip",
        size_bytes=None,
        sha256=None,
        licence="Apache-2.0",
        citation=_SPIJKERVET,
        converted=("clmr.safetensors",),
        format="clmr",
    ),
    "clmr_1550": Source(
        url=f"{_CLMR}/1.0/clmr_checkpoint_1550.pt",
        file="clmr_checkpoint_1550.pt",
        size_bytes=None,
        sha256=None,
        licence="Apache-2.0",
        citation=_SPIJKERVET,
        converted=("clmr_1550.safetensors",),
        format="clmr",
    ),
    "aisfx": Source(
        url="pypi:aisfx==0.1.2",
        file="aisfx-0.1.2-py2.py3-none-any.whl",
        size_bytes=23_140_952,
        sha256="bfe219950715af179e9a1653e7117cc1852baef267cd6596c42cad74afe1d194",
        licence="CC BY 4.0",
        citation="Ma & Lerch (2022), Representation learning for the automatic indexing of sound "
        "effects libraries, ISMIR",
        converted=("aisfx.safetensors",),
        format="aisfx",
        random=False,
    ),
    "vampnet_codec": Source(
        url=f"{_VAMPNET_HUB}/codec.pth",
        file="codec.pth",
        size_bytes=None,
        sha256=None,
        licence="CC BY-NC-SA 4.0",  # README of the repository vampnet; its code is MIT
        citation=_FLORES_GARCIA,
        converted=("vampnet_codec.safetensors",),
        format="vampnet",
        section="generators.vampnet",
    ),
    "vampnet_coarse": Source(
        url=f"{_VAMPNET_HUB}/coarse.pth",
        file="coarse.pth",
        size_bytes=None,
        sha256=None,
        licence="CC BY-NC-SA 4.0",  # README of the repository vampnet; its code is MIT
        citation=_FLORES_GARCIA,
        converted=("vampnet_coarse.safetensors",),
        format="vampnet",
        section="generators.vampnet",
    ),
    "vampnet_c2f": Source(
        url=f"{_VAMPNET_HUB}/c2f.pth",
        file="c2f.pth",
        size_bytes=None,
        sha256=None,
        licence="CC BY-NC-SA 4.0",  # README of the repository vampnet; its code is MIT
        citation=_FLORES_GARCIA,
        converted=("vampnet_c2f.safetensors",),
        format="vampnet",
        section="generators.vampnet",
    ),
    "vampnet_small_coarse": Source(
        url="",
        file="coarse.pth",
        size_bytes=None,
        sha256=None,
        licence="that of who trained it",
        citation=_FLORES_GARCIA,
        converted=("vampnet_small_coarse.safetensors",),
        format="vampnet",
        section="generators.vampnet_small",
    ),
    "vampnet_small_c2f": Source(
        url="",
        file="c2f.pth",
        size_bytes=None,
        sha256=None,
        licence="that of who trained it",
        citation=_FLORES_GARCIA,
        converted=("vampnet_small_c2f.safetensors",),
        format="vampnet",
        section="generators.vampnet_small",
    ),
}
