"""Which system package brings a library: a small table of well-known ones, by soname.

The names of Debian were checked on Debian 12 (`dpkg -S '*/libgmp.so.10'` where it is installed,
`apt-cache policy libgmp10` elsewhere); Debian puts the number of the soname into the name of the
package, so the others are true for the soname given and for no other. Fedora, conda-forge and
Homebrew name packages after the project. Identifiers follow PEP 725 and PEP 804
(``dep:generic/gmp``); both are drafts.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from trueup.model.libraryname import parse_library_name

__all__ = ["SystemPackage", "driver_of", "is_well_known", "system_package"]


@dataclass(frozen=True, slots=True, kw_only=True)
class SystemPackage:
    """The packages that bring one library; None where a system has none, or another soname."""

    name: str
    debian: str | None = None
    fedora: str | None = None
    conda: str | None = None
    homebrew: str | None = None

    @property
    def identifier(self) -> str:
        """As `[external]` and Requires-External write it."""
        return f"dep:generic/{self.name}"

    @property
    def words(self) -> str:
        """``Debian `libgmp10`, Fedora `gmp`, …``; empty if nobody has it."""
        named = (
            ("Debian", self.debian),
            ("Fedora", self.fedora),
            ("conda-forge", self.conda),
            ("Homebrew", self.homebrew),
        )
        return ", ".join(f"{system} `{package}`" for system, package in named if package)


# stem and number of the soname, project, Debian, Fedora, conda-forge, Homebrew; `-` for none.
_ROWS = """
libgmp.10            gmp           libgmp10            gmp                gmp              gmp
libgmpxx.4           gmp           libgmpxx4ldbl       gmp-c++            gmp              gmp
libmpfr.6            mpfr          libmpfr6            mpfr               mpfr             mpfr
libmpc.3             mpc           libmpc3             libmpc             mpc              libmpc
libflint.17          flint         libflint17          flint              libflint         flint
libntl.44            ntl           libntl44            ntl                ntl              ntl
libgsl.27            gsl           libgsl27            gsl                gsl              gsl
libfftw3.3           fftw          libfftw3-double3    fftw-libs-double   fftw             fftw
libopenblas.0        openblas      libopenblas0        openblas           libopenblas      openblas
libblas.3            blas          libblas3            blas               libblas          openblas
liblapack.3          lapack        liblapack3          lapack             liblapack        lapack
libgomp.1            gcc-libgomp   libgomp1            libgomp            libgomp          gcc
libomp.5             llvm-openmp   libomp5             libomp             llvm-openmp      libomp
libgfortran.5        gcc-fortran   libgfortran5        libgfortran        libgfortran5     gcc
libquadmath.0        gcc-quadmath  libquadmath0        libquadmath        libgfortran5     gcc
libatomic.1          gcc-atomic    libatomic1          libatomic          -                gcc
libtbb.12            tbb           libtbb12            tbb                tbb              tbb
libhwloc.15          hwloc         libhwloc15          hwloc-libs         libhwloc         hwloc
libnuma.1            numactl       libnuma1            numactl-libs       -                -
libibverbs.1         rdma-core     libibverbs1         libibverbs         rdma-core        -
librdmacm.1          rdma-core     librdmacm1          librdmacm          rdma-core        -
libmpi.40            openmpi       libopenmpi3         openmpi            openmpi          open-mpi
libmpich.12          mpich         libmpich12          mpich              mpich            mpich
libhdf5.103          hdf5          libhdf5-103-1       -                  hdf5             hdf5
libnetcdf.19         netcdf        libnetcdf19         netcdf             libnetcdf        netcdf
libgdal.32           gdal          libgdal32           gdal-libs          libgdal-core     gdal
libgeos_c.1          geos          libgeos-c1v5        geos               geos             geos
libproj.25           proj          libproj25           proj               proj             proj
libspatialindex.6    spatialindex  libspatialindex6    spatialindex       libspatialindex  spatialindex
libz.1               zlib          zlib1g              zlib               libzlib          zlib
libbz2.1             bzip2         libbz2-1.0          bzip2-libs         bzip2            bzip2
liblzma.5            xz            liblzma5            xz-libs            liblzma          xz
libzstd.1            zstd          libzstd1            libzstd            zstd             zstd
liblz4.1             lz4           liblz4-1            lz4-libs           lz4-c            lz4
libblosc.1           blosc         libblosc1           blosc              blosc            c-blosc
libsnappy.1          snappy        libsnappy1v5        snappy             snappy           snappy
libexpat.1           expat         libexpat1           expat              libexpat         expat
libffi.8             libffi        libffi8             libffi             libffi           libffi
libxml2.2            libxml2       libxml2             libxml2            libxml2          libxml2
libxslt.1            libxslt       libxslt1.1          libxslt            libxslt          libxslt
libyaml-0.2          libyaml       libyaml-0-2         libyaml            yaml             libyaml
libssl.3             openssl       libssl3             openssl-libs       openssl          openssl@3
libcrypto.3          openssl       libssl3             openssl-libs       openssl          openssl@3
libsodium.23         libsodium     libsodium23         libsodium          libsodium        libsodium
libkrb5.3            krb5          libkrb5-3           krb5-libs          krb5             krb5
libgssapi_krb5.2     krb5          libgssapi-krb5-2    krb5-libs          krb5             krb5
libsasl2.2           cyrus-sasl    libsasl2-2          cyrus-sasl-lib     cyrus-sasl       -
libcrypt.1           libcrypt      libcrypt1           libxcrypt-compat   libxcrypt        -
libcurl.4            curl          libcurl4            libcurl            libcurl          curl
libpq.5              libpq         libpq5              libpq              libpq            libpq
libmariadb.3         mariadb       libmariadb3         mariadb-connector-c  mariadb-connector-c  mariadb-connector-c
libodbc.2            unixodbc      libodbc2            unixODBC           unixodbc         unixodbc
libsqlite3.0         sqlite        libsqlite3-0        sqlite-libs        libsqlite        sqlite
libzmq.5             zeromq        libzmq5             zeromq             zeromq           zeromq
libpng16.16          libpng        libpng16-16         libpng             libpng           libpng
libjpeg.62           libjpeg-turbo  libjpeg62-turbo    libjpeg-turbo      libjpeg-turbo    jpeg-turbo
libtiff.6            libtiff       libtiff6            libtiff            libtiff          libtiff
libwebp.7            libwebp       libwebp7            libwebp            libwebp-base     webp
libopenjp2.7         openjpeg      libopenjp2-7        openjpeg           openjpeg         openjpeg
libfreetype.6        freetype      libfreetype6        freetype           libfreetype      freetype
libfontconfig.1      fontconfig    libfontconfig1      fontconfig         fontconfig       fontconfig
libcairo.2           cairo         libcairo2           cairo              cairo            cairo
libpango-1.0.0       pango         libpango-1.0-0      pango              pango            pango
libglib-2.0.0        glib          libglib2.0-0        glib2              libglib          glib
libgobject-2.0.0     glib          libglib2.0-0        glib2              libglib          glib
libgthread-2.0.0     glib          libglib2.0-0        glib2              libglib          glib
libgtk-3.0           gtk3          libgtk-3-0          gtk3               gtk3             gtk+3
libGL.1              libgl         libgl1              libglvnd-glx       libgl            -
libEGL.1             libegl        libegl1             libglvnd-egl       libegl           -
libOpenGL.0          libopengl     libopengl0          libglvnd-opengl    libopengl        -
libGLdispatch.0      libglvnd      libglvnd0           libglvnd           libglvnd         -
libvulkan.1          vulkan-loader  libvulkan1         vulkan-loader      libvulkan-loader  vulkan-loader
libOpenCL.1          opencl        ocl-icd-libopencl1  ocl-icd            ocl-icd          -
libdrm.2             libdrm        libdrm2             libdrm             libdrm           -
libgbm.1             libgbm        libgbm1             mesa-libgbm        -                -
libX11.6             libx11        libx11-6            libX11             xorg-libx11      libx11
libXext.6            libxext       libxext6            libXext            xorg-libxext     libxext
libXrender.1         libxrender    libxrender1         libXrender         xorg-libxrender  libxrender
libXau.6             libxau        libxau6             libXau             xorg-libxau      libxau
libXi.6              libxi         libxi6              libXi              xorg-libxi       libxi
libICE.6             libice        libice6             libICE             xorg-libice      libice
libSM.6              libsm         libsm6              libSM              xorg-libsm       libsm
libxcb.1             libxcb        libxcb1             libxcb             libxcb           libxcb
libxcb-cursor.0      xcb-util-cursor  libxcb-cursor0   xcb-util-cursor    xcb-util-cursor  xcb-util-cursor
libxkbcommon.0       libxkbcommon  libxkbcommon0       libxkbcommon       libxkbcommon     libxkbcommon
libdbus-1.3          dbus          libdbus-1-3         dbus-libs          dbus             dbus
libasound.2          alsa-lib      libasound2          alsa-lib           alsa-lib         -
libpulse.0           pulseaudio    libpulse0           pulseaudio-libs    pulseaudio-client  pulseaudio
libportaudio.2       portaudio     libportaudio2       portaudio          portaudio        portaudio
libsndfile.1         libsndfile    libsndfile1         libsndfile         libsndfile       libsndfile
libusb-1.0.0         libusb        libusb-1.0-0        libusb1            libusb           libusb
libudev.1            systemd       libudev1            systemd-libs       libudev1         -
libmagic.1           file          libmagic1           file-libs          libmagic         libmagic
libuuid.1            util-linux    libuuid1            libuuid            libuuid          -
libtinfo.6           ncurses       libtinfo6           ncurses-libs       ncurses          ncurses
libncursesw.6        ncurses       libncursesw6        ncurses-libs       ncurses          ncurses
libreadline.8        readline      libreadline8        readline           readline         readline
libedit.2            libedit       libedit2            -                  libedit          libedit
libnsl.2             libnsl        libnsl2             libnsl2            libnsl           -
libarchive.13        libarchive    libarchive13        libarchive         libarchive       libarchive
libzbar.0            zbar          libzbar0            zbar               zbar             zbar
libvips.42           vips          libvips42           vips               libvips          vips
"""


def _parsed() -> Mapping[str, Mapping[str, SystemPackage]]:
    found: dict[str, dict[str, SystemPackage]] = {}
    for row in _ROWS.strip().splitlines():
        soname, name, *packages = row.split()
        stem, _, number = soname.rpartition(".")
        debian, fedora, conda, homebrew = (None if one == "-" else one for one in packages)
        found.setdefault(stem.lower(), {})[number] = SystemPackage(
            name=name, debian=debian, fedora=fedora, conda=conda, homebrew=homebrew
        )
    return found


_TABLE = _parsed()
_DRIVERS = {
    "libcuda": "NVIDIA's driver",
    "libnvidia-ml": "NVIDIA's driver",
    "libnvcuvid": "NVIDIA's driver",
    "libnvidia-encode": "NVIDIA's driver",
    "libnvoptix": "NVIDIA's driver",
    "nvcuda": "NVIDIA's driver",
    "nvml": "NVIDIA's driver",
    "libhsa-runtime64": "AMD's ROCm",
    "libamdhip64": "AMD's ROCm",
    "libze_loader": "Intel's Level Zero",
    "libneuron": "the driver of AWS Neuron",
    "libtpu": "the driver of the TPU",
}
"""Libraries that belong to a driver: no package of Python's may bring them."""


def system_package(wanted: str) -> SystemPackage | None:
    """Who brings the library of a soname, or of the last part of an install name.

    For another number than the table's, no name that Debian makes from the number is told.
    """
    name = parse_library_name(wanted)
    numbers = _TABLE.get(name.stem.lower())
    if numbers is None:
        return None
    known = numbers.get(name.major)
    if known is not None:
        return known
    other = next(iter(numbers.values()))
    return SystemPackage(name=other.name, conda=other.conda, homebrew=other.homebrew)


def is_well_known(wanted: str) -> bool:
    """Whether a system is likely to have a library of that very name, or of its project."""
    return parse_library_name(wanted).stem.lower() in _TABLE


def driver_of(wanted: str) -> str | None:
    """The driver with which a library comes, in words; None for any other library."""
    return _DRIVERS.get(parse_library_name(wanted).stem.lower())
