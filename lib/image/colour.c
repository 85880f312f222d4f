/* SPDX-License-Identifier: MIT */
/* Colours of other spaces made sRGB's. */
#include "image/colour.h"

#include <stdlib.h>
#include <string.h>

bool sfx_colour_is_other(const struct sfx_image_info *info)
{
    const struct sfx_png_colour *png = &info->png;

    return info->metadata.icc.len > 0 || png->has_cicp ||
           (!png->has_srgb && (png->has_gamma || png->has_chrm));
}

#ifdef SFX_WITH_LCMS2

#include "base/dl.h"
#include "base/size.h"

#include <lcms2.h>

struct lcms2 {
    cmsHPROFILE (*OpenProfileFromMem)(const void *, cmsUInt32Number);
    cmsBool (*CloseProfile)(cmsHPROFILE);
    cmsHPROFILE (*Create_sRGBProfile)(void);
    cmsHPROFILE (*CreateRGBProfile)(const cmsCIExyY *, const cmsCIExyYTRIPLE *,
                                    cmsToneCurve *const[3]);
    cmsHPROFILE (*CreateGrayProfile)(const cmsCIExyY *, const cmsToneCurve *);
    const cmsCIExyY *(*D50_xyY)(void);
    cmsToneCurve *(*BuildParametricToneCurve)(cmsContext, cmsInt32Number, const cmsFloat64Number *);
    void (*FreeToneCurve)(cmsToneCurve *);
    cmsUInt32Number (*GetProfileInfoASCII)(cmsHPROFILE, cmsInfoType, const char *, const char *,
                                           char *, cmsUInt32Number);
    cmsHTRANSFORM (*CreateTransform)(cmsHPROFILE, cmsUInt32Number, cmsHPROFILE, cmsUInt32Number,
                                     cmsUInt32Number, cmsUInt32Number);
    void (*DoTransform)(cmsHTRANSFORM, const void *, void *, cmsUInt32Number);
    void (*DeleteTransform)(cmsHTRANSFORM);
};

#define SYMBOL(name)                                                                               \
    {                                                                                              \
        "cms" #name, offsetof(struct lcms2, name)                                                  \
    }

static struct lcms2 cms;

int sfx_lcms2_need(struct sfx_err *err)
{
    static const struct sfx_dl_symbol symbols[] = {
        SYMBOL(OpenProfileFromMem), SYMBOL(CloseProfile),      SYMBOL(Create_sRGBProfile),
        SYMBOL(CreateRGBProfile),   SYMBOL(CreateGrayProfile), SYMBOL(BuildParametricToneCurve),
        SYMBOL(FreeToneCurve),      SYMBOL(D50_xyY),           SYMBOL(GetProfileInfoASCII),
        SYMBOL(CreateTransform),    SYMBOL(DoTransform),       SYMBOL(DeleteTransform),
    };
    static struct sfx_dl_lib lib = SFX_DL_LIB(SFX_LIBLCMS2_SONAME, symbols, &cms);

    return sfx_dl_need(&lib, err);
}

struct sfx_colour {
    cmsHTRANSFORM transform;
};

/* Transfer characteristics as curves: lcms2's type 1 is y = x^g, type 4 has a linear part. */
static cmsToneCurve *power_curve(double exponent)
{
    return cms.BuildParametricToneCurve(NULL, 1, &exponent);
}

static cmsToneCurve *srgb_curve(void)
{
    static const cmsFloat64Number p[5] = {2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045};

    return cms.BuildParametricToneCurve(NULL, 4, p);
}

static cmsToneCurve *bt709_curve(void)
{
    static const cmsFloat64Number p[5] = {1 / 0.45, 1 / 1.099, 0.099 / 1.099, 1 / 4.5, 0.081};

    return cms.BuildParametricToneCurve(NULL, 4, p);
}

/* H.273, table 3. NULL when it is none that an image of 8 or 16 bits shows as it is. */
static cmsToneCurve *cicp_curve(unsigned code)
{
    switch (code) {
    case 1:
    case 6:
    case 14:
    case 15: return bt709_curve();
    case 4: return power_curve(2.2);
    case 5: return power_curve(2.8);
    case 8: return power_curve(1);
    case 2:
    case 13: return srgb_curve();
    default: return NULL;
    }
}

/* H.273, table 2: white, red, green, blue; times 100000 as cHRM. */
static const int32_t *cicp_primaries(unsigned code)
{
    static const int32_t bt709[8] = {31270, 32900, 64000, 33000, 30000, 60000, 15000, 6000};
    static const int32_t bt2020[8] = {31270, 32900, 70800, 29200, 17000, 79700, 13100, 4600};
    static const int32_t p3[8] = {31270, 32900, 68000, 32000, 26500, 69000, 15000, 6000};

    return code == 9 ? bt2020 : code == 12 ? p3 : code == 1 || code == 2 ? bt709 : NULL;
}

static cmsHPROFILE profile_of(const int32_t *chrm, cmsToneCurve *curve, bool gray)
{
    cmsToneCurve *curves[3] = {curve, curve, curve};
    const cmsCIExyY white = {chrm[0] / 1e5, chrm[1] / 1e5, 1};
    const cmsCIExyYTRIPLE primaries = {{chrm[2] / 1e5, chrm[3] / 1e5, 1},
                                       {chrm[4] / 1e5, chrm[5] / 1e5, 1},
                                       {chrm[6] / 1e5, chrm[7] / 1e5, 1}};

    if (curve == NULL)
        return NULL;
    return gray ? cms.CreateGrayProfile(cms.D50_xyY(), curve)
                : cms.CreateRGBProfile(&white, &primaries, curves);
}

/* sRGB's own gamma, rounded as writers do it. */
static bool is_about_srgb(const struct sfx_png_colour *png)
{
    return !png->has_chrm && (!png->has_gamma || (png->gamma > 45000 && png->gamma < 46000));
}

/* The profile that PNG's chunks describe; NULL with *rc 0: sRGB. */
static cmsHPROFILE png_profile(const struct sfx_png_colour *png, bool gray, int *rc,
                               struct sfx_err *err)
{
    const int32_t *chrm = png->has_chrm && !png->has_cicp ? png->chrm : cicp_primaries(1);
    cmsToneCurve *curve;
    cmsHPROFILE profile;

    *rc = 0;
    if (png->has_cicp) {
        if (png->cicp[0] == 1 && png->cicp[1] == 13)
            return NULL;
        chrm = cicp_primaries(png->cicp[0]);
        curve = cicp_curve(png->cicp[1]);
    } else {
        if (png->has_srgb || is_about_srgb(png))
            return NULL;
        curve = png->has_gamma && png->gamma > 0 ? power_curve(1e5 / png->gamma) : srgb_curve();
    }
    profile = chrm != NULL ? profile_of(chrm, curve, gray) : NULL;
    if (curve != NULL)
        cms.FreeToneCurve(curve);
    if (profile == NULL)
        *rc = sfx_err_set(err, SFX_E_UNSUPPORTED, "colours of this kind cannot be made sRGB's");
    return profile;
}

/* A profile that calls itself sRGB is: converting would cost and change nothing. */
static bool is_srgb(cmsHPROFILE profile)
{
    char text[256] = "";

    (void)cms.GetProfileInfoASCII(profile, cmsInfoDescription, "en", "US", text, sizeof(text) - 1);
    return strstr(text, "sRGB") != NULL;
}

static cmsHPROFILE gray_of_srgb(void)
{
    cmsToneCurve *curve = srgb_curve();
    cmsHPROFILE profile = curve != NULL ? cms.CreateGrayProfile(cms.D50_xyY(), curve) : NULL;

    if (curve != NULL)
        cms.FreeToneCurve(curve);
    return profile;
}

/* The transformation between two profiles, which are closed. */
static int make(cmsHPROFILE from, cmsUInt32Number from_type, cmsHPROFILE to,
                cmsUInt32Number to_type, struct sfx_colour **colour, struct sfx_err *err)
{
    int rc = 0;

    *colour = calloc(1, sizeof(**colour));
    if (*colour != NULL && from != NULL && to != NULL)
        (*colour)->transform = cms.CreateTransform(from, from_type, to, to_type, INTENT_PERCEPTUAL,
                                                   cmsFLAGS_COPY_ALPHA);
    if (*colour == NULL || (*colour)->transform == NULL) {
        rc = sfx_err_set(err, *colour == NULL ? SFX_E_NOMEM : SFX_E_UNSUPPORTED,
                         "its colour profile cannot be used");
        free(*colour);
        *colour = NULL;
    }
    if (from != NULL)
        (void)cms.CloseProfile(from);
    if (to != NULL)
        (void)cms.CloseProfile(to);
    return rc;
}

int sfx_colour_new(struct sfx_slice profile, const struct sfx_png_colour *png,
                   enum sfx_layout layout, unsigned depth, struct sfx_colour **colour,
                   struct sfx_err *err)
{
    bool gray = layout == SFX_LAYOUT_GRAY || layout == SFX_LAYOUT_GRAY_ALPHA;
    cmsUInt32Number type = COLORSPACE_SH(gray ? PT_GRAY : PT_RGB) | CHANNELS_SH(gray ? 1 : 3) |
                           BYTES_SH(depth / 8) | EXTRA_SH(sfx_layout_has_alpha(layout) ? 1 : 0);
    cmsHPROFILE from = NULL;
    int rc = 0;

    *colour = NULL;
    if (profile.len == 0 && (png == NULL || (!png->has_cicp && !png->has_gamma && !png->has_chrm)))
        return 0;
    rc = sfx_lcms2_need(err);
    if (rc < 0)
        return rc;
    if (png != NULL && (png->has_cicp || profile.len == 0)) {
        from = png_profile(png, gray, &rc, err);
        if (from == NULL)
            return rc;
    } else {
        from = cms.OpenProfileFromMem(profile.ptr, (cmsUInt32Number)profile.len);
        if (from != NULL && is_srgb(from)) {
            (void)cms.CloseProfile(from);
            return 0;
        }
    }
    return make(from, type, gray ? gray_of_srgb() : cms.Create_sRGBProfile(), type, colour, err);
}

int sfx_colour_new_cmyk(struct sfx_slice profile, bool inverted, struct sfx_colour **colour,
                        struct sfx_err *err)
{
    int rc = sfx_lcms2_need(err);

    *colour = NULL;
    if (rc < 0)
        return rc;
    return make(cms.OpenProfileFromMem(profile.ptr, (cmsUInt32Number)profile.len),
                inverted ? TYPE_CMYK_8_REV : TYPE_CMYK_8, cms.Create_sRGBProfile(), TYPE_RGB_8,
                colour, err);
}

void sfx_colour_row(const struct sfx_colour *colour, const void *src, void *dst, size_t n)
{
    cms.DoTransform(colour->transform, src, dst, (cmsUInt32Number)n);
}

void sfx_colour_free(struct sfx_colour *colour)
{
    if (colour != NULL)
        cms.DeleteTransform(colour->transform);
    free(colour);
}

#else

static int missing(struct sfx_colour **colour, struct sfx_err *err)
{
    *colour = NULL;
    return sfx_err_set(err, SFX_E_UNSUPPORTED, "this sfx is built without lcms2");
}

int sfx_colour_new(struct sfx_slice profile, const struct sfx_png_colour *png,
                   enum sfx_layout layout, unsigned depth, struct sfx_colour **colour,
                   struct sfx_err *err)
{
    (void)profile;
    (void)png;
    (void)layout;
    (void)depth;
    return missing(colour, err);
}

int sfx_colour_new_cmyk(struct sfx_slice profile, bool inverted, struct sfx_colour **colour,
                        struct sfx_err *err)
{
    (void)profile;
    (void)inverted;
    return missing(colour, err);
}

void sfx_colour_row(const struct sfx_colour *colour, const void *src, void *dst, size_t n)
{
    (void)colour;
    (void)src;
    (void)dst;
    (void)n;
}

void sfx_colour_free(struct sfx_colour *colour)
{
    (void)colour;
}
#endif
