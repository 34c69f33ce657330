plugins {
    alias(libs.plugins.android.application)
}

/** The model that the Python package bundles, so that it stands in the repository once. */
abstract class BundleModel : DefaultTask() {
    @get:InputFile
    abstract val model: RegularFileProperty

    @get:OutputDirectory
    abstract val assets: DirectoryProperty

    @TaskAction
    fun copy() {
        val file = model.get().asFile
        file.copyTo(assets.file(file.name).get().asFile, overwrite = true)
    }
}

val bundleModel by tasks.registering(BundleModel::class) {
    model = rootProject.layout.projectDirectory.file("../edge_runtime/data/demo.tflite")
}

androidComponents {
    onVariants { it.sources.assets?.addGeneratedSourceDirectory(bundleModel, BundleModel::assets) }
}

android {
    namespace = "dev.img2imu.app"
    compileSdk = 36

    defaultConfig {
        applicationId = "dev.img2imu.app"
        minSdk = 26
        targetSdk = 34
        versionCode = 1
        versionName = "0.1.0"
    }

    buildTypes {
        release {
            isMinifyEnabled = true
            proguardFiles(getDefaultProguardFile("proguard-android-optimize.txt"), "proguard-rules.pro")
        }
    }

    compileOptions {
        sourceCompatibility = JavaVersion.VERSION_17
        targetCompatibility = JavaVersion.VERSION_17
    }
}

dependencies {
    implementation(project(":core"))
    implementation(libs.litert)
    implementation(libs.litert.gpu)
}
